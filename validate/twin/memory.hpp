// One memory of the twin: which blocks it holds, how often each is referenced, and since when it was last of use, or
// where it stands with an eviction policy. A list of blocks, one by one; whoever goes next is found by looking at all
// of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "base/error.hpp"
#include "traces/workload.hpp"
#include "validate/twin/eviction.hpp"

namespace kvplan::twin {

class Memory {
 public:
  // `weigh`: what a block takes of the memory.
  Memory(std::function<std::int64_t(BlockId)> weigh, Order order) : weigh_(std::move(weigh)), order_(std::move(order)) {}

  bool has(BlockId b) const { return held_.count(b) > 0; }
  bool ready(BlockId b) const { return has(b) && held_.at(b).ready; }
  int references(BlockId b) const { return held_.at(b).references; }
  std::int64_t evicted() const { return evicted_; }

  void insert(BlockId b, bool ready) {
    KVPLAN_ASSERT(!has(b));
    held_[b].ready = ready;
  }
  void reference(BlockId b) { ++held_.at(b).references; }
  void release(BlockId b) {
    KVPLAN_ASSERT(held_.at(b).references > 0);
    if (--held_.at(b).references == 0 && !order_.ranking) held_.at(b).last_use = ++uses_;
  }
  void announce(const Use& use) { use_ = use; }  // on behalf of which ranks are given
  void use(BlockId b) {                          // by a prompt
    ++held_.at(b).uses;
    if (order_.queues) order_.queues->use(b);
  }
  void rank(BlockId b) {
    if (!order_.ranking) return;
    held_.at(b).rank = order_.ranking(b, held_.at(b).uses, use_, held_.at(b).rank);
    held_.at(b).last_use = ++uses_;
  }
  void touch(BlockId b) {
    if (!has(b)) return;
    use(b);
    rank(b);
    if (references(b) == 0 && !order_.ranking) held_.at(b).last_use = ++uses_;
  }
  std::int64_t rank_of(BlockId b) const {
    const Rank& rank = held_.at(b).rank;
    return use_.at < rank.until ? rank.value : rank.later;
  }
  void become_ready(BlockId b) { held_.at(b).ready = true; }
  void forget(BlockId b) { held_.erase(b); }
  void evict(BlockId b) {
    KVPLAN_ASSERT(references(b) == 0);
    held_.erase(b);
    if (order_.queues) order_.queues->evicted(b);
    ++evicted_;
  }

  // What its policy names of the unreferenced blocks; the one of the lowest rank, of those the one that was of use
  // longest ago; kNone when there is none.
  BlockId oldest() const {
    if (order_.queues) return order_.queues->next([this](BlockId b) { return has(b) && references(b) == 0; });
    BlockId oldest = kNone;
    const auto standing = [&](BlockId b) { return std::pair(rank_of(b), held_.at(b).last_use); };
    for (const auto& [b, held] : held_) {
      if (held.references == 0 && (oldest == kNone || standing(b) < standing(oldest))) oldest = b;
    }
    return oldest;
  }
  std::int64_t unreferenced() const {
    std::int64_t sum = 0;
    for (const auto& [b, held] : held_) sum += held.references == 0 ? weigh_(b) : 0;
    return sum;
  }
  std::int64_t weight() const {
    std::int64_t sum = 0;
    for (const auto& [b, held] : held_) sum += weigh_(b);
    return sum;
  }

 protected:
  void miss(BlockId b) {
    if (order_.queues) order_.queues->miss(b);
  }
  void come(BlockId b) {
    if (order_.queues) order_.queues->come(b);
    rank(b);
  }
  void all_came() {
    if (order_.queues) order_.queues->all_came();
  }

 private:
  struct Held {
    int references = 1;
    bool ready = false;
    std::int64_t last_use = 0, uses = 1;
    Rank rank;
  };
  std::function<std::int64_t(BlockId)> weigh_;
  Use use_;
  std::map<BlockId, Held> held_;
  Order order_;
  std::int64_t uses_ = 0;
  std::int64_t evicted_ = 0;
};

// G1: pages are free, private to a sequence, or part of a block.
struct PagedMemory : Memory {
  PagedMemory(std::int64_t all, std::function<std::int64_t(BlockId)> pages_of_block, Order order)
      : Memory(pages_of_block, std::move(order)), capacity(all), free(all), pages(pages_of_block) {}

  // By a request that has it in its prompt or answer; transfers only reference and release.
  void take(BlockId b) {
    reference(b);
    use(b);
  }
  void give(BlockId b) {
    rank(b);
    release(b);
  }

  std::int64_t available() const { return free + unreferenced(); }
  void evict_block(BlockId b) {
    evict(b);
    free += pages(b);
  }
  void allocate(std::int64_t n) {
    while (free < n) evict_block(oldest());
    free -= n;
  }

  std::int64_t capacity, free;
  std::function<std::int64_t(BlockId)> pages;
};

// A tier below: full blocks alone, each of weight one.
struct Tier : Memory {
  Tier(std::int64_t blocks, Order order)
      : Memory([](BlockId) { return std::int64_t{1}; }, std::move(order)), capacity(blocks) {}

  bool room() const { return weight() - unreferenced() < capacity; }  // for one more block, if need be by eviction
  void begin_store(BlockId b) {
    miss(b);
    if (weight() == capacity) evict(oldest());
    insert(b, false);
  }
  // To its policy what is stored together comes together, the last block first.
  void come(const std::vector<BlockId>& blocks) {
    for (std::size_t i = blocks.size(); i-- > 0;) Memory::come(blocks[i]);
    all_came();
  }
  void end_store(BlockId b) {
    become_ready(b);
    release(b);
  }

  std::int64_t capacity;
  std::map<BlockId, int> lookups;
};

}  // namespace kvplan::twin

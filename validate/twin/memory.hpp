// One memory of the twin: which blocks it holds, how often each is referenced, and since when it was last of use.
// A list of blocks, one by one; whoever goes next is found by looking at all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "base/error.hpp"
#include "traces/workload.hpp"

namespace kvplan::twin {

class Memory {
 public:
  // `weigh`: what a block takes of the memory.
  explicit Memory(std::function<std::int64_t(BlockId)> weigh) : weigh_(std::move(weigh)) {}

  bool has(BlockId b) const { return held_.count(b) > 0; }
  bool ready(BlockId b) const { return has(b) && held_.at(b).ready; }
  int references(BlockId b) const { return held_.at(b).references; }
  std::int64_t evicted() const { return evicted_; }

  void insert(BlockId b, bool ready) {
    KVPLAN_ASSERT(!has(b));
    held_[b] = {1, ready, 0};
  }
  void reference(BlockId b) { ++held_.at(b).references; }
  void release(BlockId b) {
    KVPLAN_ASSERT(held_.at(b).references > 0);
    if (--held_.at(b).references == 0) held_.at(b).last_use = ++uses_;
  }
  void touch(BlockId b) {
    if (has(b) && references(b) == 0) held_.at(b).last_use = ++uses_;
  }
  void become_ready(BlockId b) { held_.at(b).ready = true; }
  void forget(BlockId b) { held_.erase(b); }
  void evict(BlockId b) {
    KVPLAN_ASSERT(references(b) == 0);
    held_.erase(b);
    ++evicted_;
  }

  // The unreferenced block that was of use longest ago; kNone when there is none.
  BlockId oldest() const {
    BlockId oldest = kNone;
    for (const auto& [b, held] : held_) {
      if (held.references == 0 && (oldest == kNone || held.last_use < held_.at(oldest).last_use)) oldest = b;
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

 private:
  struct Held {
    int references = 0;
    bool ready = false;
    std::int64_t last_use = 0;
  };
  std::function<std::int64_t(BlockId)> weigh_;
  std::map<BlockId, Held> held_;
  std::int64_t uses_ = 0;
  std::int64_t evicted_ = 0;
};

// G1: pages are free, private to a sequence, or part of a block.
struct PagedMemory : Memory {
  PagedMemory(std::int64_t all, std::function<std::int64_t(BlockId)> pages_of_block)
      : Memory(pages_of_block), capacity(all), free(all), pages(pages_of_block) {}

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
  explicit Tier(std::int64_t blocks) : Memory([](BlockId) { return std::int64_t{1}; }), capacity(blocks) {}

  bool room() const { return weight() - unreferenced() < capacity; }  // for one more block, if need be by eviction
  void begin_store(BlockId b) {
    if (weight() == capacity) evict(oldest());
    insert(b, false);
  }
  void end_store(BlockId b) {
    become_ready(b);
    release(b);
  }

  std::int64_t capacity;
  std::map<BlockId, int> lookups;
};

}  // namespace kvplan::twin

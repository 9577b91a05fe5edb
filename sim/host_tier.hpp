// G2: blocks in host memory, of one replica or shared by the replicas of a node.
//
// A block is absent, being stored (its room is taken, its content is not there
// yet: not a hit), or resident. A resident block is either pinned by loads that
// read it or in the LRU list, never both. The bytes of blocks stored and being
// stored never exceed the capacity. Only full blocks come here.
#pragma once

#include <cstdint>

#include "sim/lru_array.hpp"
#include "traces/workload.hpp"

namespace kvplan {

class HostTier {
 public:
  HostTier(const Workload& workload, Bytes capacity, Bytes bytes_per_token)
      : workload_(&workload),
        capacity_(capacity),
        bytes_per_token_(bytes_per_token),
        blocks_(workload.block_count()) {}

  bool resident(BlockId b) const { return blocks_[b].state == State::resident; }
  bool present(BlockId b) const { return blocks_[b].state != State::absent; }
  Bytes used() const { return used_; }
  std::int64_t evicted_blocks() const { return evicted_blocks_; }
  Bytes bytes(BlockId b) const { return bytes_per_token_ * workload_->tokens_of_block[b]; }

  // Times that the block was part of a looked-up prompt (saturates).
  void count_lookup(BlockId b) { blocks_[b].lookups += blocks_[b].lookups < 255; }
  std::int32_t lookups(BlockId b) const { return blocks_[b].lookups; }

  // Takes room for a store, evicting as needed. False, and nothing changed, when
  // even with all unpinned blocks gone there is no room.
  bool begin_store(BlockId b) {
    KVPLAN_ASSERT(!present(b));
    const Bytes need = bytes(b);
    if (used_ - evictable_ + need > capacity_) return false;
    while (used_ + need > capacity_) evict(blocks_.front());
    used_ += need;
    blocks_[b].state = State::storing;
    return true;
  }

  void end_store(BlockId b) {
    KVPLAN_ASSERT(blocks_[b].state == State::storing);
    blocks_[b].state = State::resident;
    append(b);
  }

  void pin(BlockId b) {
    KVPLAN_ASSERT(resident(b));
    if (blocks_[b].pins++ == 0) unlink(b);
  }

  void unpin(BlockId b) {
    KVPLAN_ASSERT(resident(b) && blocks_[b].pins > 0);
    if (--blocks_[b].pins == 0) append(b);
  }

  // Most recently used from here on.
  void touch(BlockId b) {
    if (!resident(b) || blocks_[b].pins > 0) return;
    blocks_.remove(b);
    blocks_.push_back(b);
  }

  void audit() const;

 private:
  enum class State : std::uint8_t { absent, storing, resident };
  struct Block {
    std::uint16_t pins = 0;
    std::uint8_t lookups = 0;
    State state = State::absent;
  };

  void append(BlockId b) {
    blocks_.push_back(b);
    evictable_ += bytes(b);
  }
  void unlink(BlockId b) {
    blocks_.remove(b);
    evictable_ -= bytes(b);
  }
  void evict(BlockId b) {
    unlink(b);
    used_ -= bytes(b);
    blocks_[b].state = State::absent;
    ++evicted_blocks_;
  }

  const Workload* workload_;
  Bytes capacity_;
  Bytes bytes_per_token_;
  Bytes used_{0};
  Bytes evictable_{0};
  std::int64_t evicted_blocks_ = 0;
  LruArray<Block> blocks_;
};

}  // namespace kvplan

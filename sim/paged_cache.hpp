// G1: the KV pages of one replica, and the blocks cached in them.
//
// Every page is in exactly one of three places:
//   free      no content
//   private   held by a running sequence, content not (yet) a cached block
//   cached    part of a resident block
// so that free + private + pages of resident blocks = capacity, always.
//
// A resident block is either referenced (by sequences that use it, or by a
// transfer that reads it) or in the LRU list, never both. Sequences release
// their blocks tail first, so that a block's descendants are evicted before it.
// Only a transfer that still reads a descendant can keep it longer; such a block
// is no hit until its prefix is back, since lookups go from the head.
#pragma once

#include <bit>
#include <cstdint>

#include "sim/lru_array.hpp"
#include "traces/workload.hpp"

namespace kvplan {

class PagedCache {
 public:
  PagedCache(const Workload& workload, Pages capacity, std::int32_t page_tokens)
      : workload_(&workload),
        page_shift_(std::countr_zero(static_cast<std::uint32_t>(page_tokens))),
        capacity_(capacity.count),
        free_(capacity.count),
        blocks_(workload.block_count()) {
    KVPLAN_ASSERT(std::has_single_bit(static_cast<std::uint32_t>(page_tokens)));
  }

  std::int64_t capacity() const { return capacity_; }
  std::int64_t free() const { return free_; }
  std::int64_t evictable() const { return evictable_; }
  std::int64_t available() const { return free_ + evictable_; }
  std::int64_t evicted_blocks() const { return evicted_blocks_; }

  bool resident(BlockId b) const { return blocks_[b].resident; }
  bool referenced(BlockId b) const { return blocks_[b].references > 0; }
  bool only_reference(BlockId b) const { return blocks_[b].references == 1; }
  std::int64_t pages(BlockId b) const { return pages_of_tokens(workload_->tokens_of_block[b]); }
  std::int64_t pages_of_tokens(std::int64_t tokens) const { return (tokens + (std::int64_t{1} << page_shift_) - 1) >> page_shift_; }

  void reference(BlockId b) {
    Block& block = blocks_[b];
    KVPLAN_ASSERT(block.resident);
    if (block.references++ == 0) {
      blocks_.remove(b);
      evictable_ -= pages(b);
    }
  }

  void release(BlockId b) {
    Block& block = blocks_[b];
    KVPLAN_ASSERT(block.resident && block.references > 0);
    if (--block.references == 0) {
      blocks_.push_back(b);
      evictable_ += pages(b);
    }
  }

  // Takes n pages as private ones, evicting the least recently used blocks as
  // needed. The caller has checked that n <= available().
  void allocate(std::int64_t n) {
    KVPLAN_ASSERT(n <= available());
    while (free_ < n) evict(blocks_.front());
    free_ -= n;
  }

  // Private pages go back.
  void free(std::int64_t n) { free_ += n; }

  // Private pages become a resident block, referenced once.
  void insert(BlockId b) {
    Block& block = blocks_[b];
    KVPLAN_ASSERT(!block.resident);
    block = {1, 1};
  }

  // A block that only the caller references loses its name; its pages are private again.
  void forget(BlockId b) {
    KVPLAN_ASSERT(blocks_[b].resident && blocks_[b].references == 1);
    blocks_[b] = {};
  }

  void evict(BlockId b) {
    KVPLAN_ASSERT(blocks_[b].resident && blocks_[b].references == 0);
    blocks_.remove(b);
    evictable_ -= pages(b);
    free_ += pages(b);
    blocks_[b] = {};
    ++evicted_blocks_;
  }

  // Unreferenced blocks from the least recently used on; kNone behind the last.
  BlockId first_unreferenced() const { return or_none(blocks_.front()); }
  BlockId next_unreferenced(BlockId b) const { return or_none(blocks_.next(b)); }

  // Recounts everything from scratch; `private_pages` is what the sequences say they hold.
  void audit(std::int64_t private_pages) const;

 private:
  struct Block {
    std::uint32_t references : 31 = 0;
    std::uint32_t resident : 1 = 0;
  };

  BlockId or_none(BlockId b) const { return b == blocks_.end() ? kNone : b; }

  const Workload* workload_;
  int page_shift_;
  std::int64_t capacity_;
  std::int64_t free_;
  std::int64_t evictable_ = 0;
  std::int64_t evicted_blocks_ = 0;
  LruArray<Block> blocks_;
};

}  // namespace kvplan

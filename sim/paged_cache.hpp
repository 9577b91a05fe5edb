// G1: the KV pages of one replica, and the blocks cached in them.
//
// Every page is in exactly one of three places:
//   free      no content
//   private   held by a running sequence, content not (yet) a cached block
//   cached    part of a resident block
// so that free + private + pages of resident blocks = capacity, always.
//
// A resident block is referenced by the sequences that use it and by transfers
// that read it. Sequences release their blocks tail first, so that a block's
// descendants are evicted before it. Only a transfer that still reads a
// descendant can keep it longer; such a block is no hit until its prefix is
// back, since lookups go from the head.
#pragma once

#include <bit>
#include <cstdint>

#include "sim/residency.hpp"

namespace kvplan {

class PagedCache {
 public:
  // Blocks are a whole number of pages; page_tokens is a power of two.
  PagedCache(const PrefixChains& chains, Pages capacity, std::int32_t page_tokens,
             std::unique_ptr<EvictionPolicy> policy = nullptr)
      : page_shift_(std::countr_zero(static_cast<std::uint32_t>(page_tokens))),
        capacity_(capacity.count),
        free_(capacity.count),
        blocks_(chains, chains.block_tokens() / page_tokens, page_tokens, std::move(policy)) {
    KVPLAN_ASSERT(std::has_single_bit(static_cast<std::uint32_t>(page_tokens)));
    KVPLAN_ASSERT(chains.block_tokens() % page_tokens == 0);
  }

  void watch(const MemoryLog& log) {
    log_ = log;
    blocks_.watch(log);
  }

  std::int64_t capacity() const { return capacity_; }
  std::int64_t free() const { return free_; }
  std::int64_t available() const { return free_ + blocks_.evictable_weight(); }
  std::int64_t evicted_blocks() const { return blocks_.evicted_blocks(); }

  std::int64_t pages(const BlockRange& r) const { return blocks_.weight(r); }
  std::int64_t pages_of_tokens(std::int64_t tokens) const { return (tokens + (std::int64_t{1} << page_shift_) - 1) >> page_shift_; }

  std::uint32_t resident_until(const BlockRange& r) const { return blocks_.ready_until(r); }
  void append_ready(std::vector<BlockRange>& ranges) const { blocks_.append_ready(ranges); }
  bool any_resident(const BlockRange& r) const { return blocks_.any(r); }
  Residency::Stretch stretch(const BlockRange& r) const { return blocks_.stretch(r); }
  std::int64_t unreferenced_pages(const BlockRange& r) const { return blocks_.unreferenced_weight(r); }

  // By a sequence that uses the blocks.
  void reference(const BlockRange& r) {
    blocks_.reference(r);
    blocks_.access(r);
  }
  void release(const BlockRange& r) {
    blocks_.rank(r);
    blocks_.release(r);
  }
  // By a transfer that reads them.
  void pin(const BlockRange& r) { blocks_.reference(r); }
  void unpin(const BlockRange& r) { blocks_.release(r); }

  void announce(const Use& use) { blocks_.announce(use); }
  std::int64_t priority(std::uint32_t chain, std::uint32_t block) const { return blocks_.priority(chain, block); }

  // Takes n pages as private ones, evicting the least recently used blocks as
  // needed. The caller has checked that n <= available().
  void allocate(std::int64_t n) {
    KVPLAN_ASSERT(n <= available());
    if (free_ < n) free_ += blocks_.evict(n - free_);
    free_ -= n;
    log_.pages(n);
  }

  // Private pages go back.
  void free(std::int64_t n) {
    free_ += n;
    log_.pages(-n);
  }

  // Private pages become resident blocks, referenced once.
  void insert(const BlockRange& r) {
    blocks_.insert(r, true);
    blocks_.come(r);
  }

  // Blocks that only the caller references lose their names; their pages are private again.
  void forget(const BlockRange& r) { blocks_.forget(r); }

  // What eviction takes first, from its last block on; there is something.
  bool anything_unreferenced() const { return blocks_.anything_evictable(); }
  BlockRange next_to_go() const { return blocks_.oldest(); }
  void evict(const BlockRange& r) {
    free_ += pages(r);
    blocks_.evict(r);
  }

  // Recounts everything from scratch; `private_pages` is what the sequences say they hold.
  void audit(std::int64_t private_pages) const {
    KVPLAN_ASSERT(free_ >= 0 && private_pages >= 0);
    KVPLAN_ASSERT(free_ + private_pages + blocks_.audit() == capacity_);
  }

 private:
  int page_shift_;
  std::int64_t capacity_;
  std::int64_t free_;
  MemoryLog log_;
  Residency blocks_;
};

}  // namespace kvplan

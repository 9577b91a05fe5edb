// A tier below G1: blocks in host memory (G2), on the node's SSDs (G3) or in a
// remote store (G4), of one replica, or shared by a node's replicas or a fleet's.
//
// A block is absent, being stored (its room is taken, its content is not there
// yet: not a hit), or resident. Transfers that read a block pin it. Blocks stored
// and being stored never exceed the capacity. Only full blocks come here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/residency.hpp"

namespace kvplan {

class LowerTier {
 public:
  // count_lookups: whether lookups() will be asked.
  LowerTier(const PrefixChains& chains, Bytes capacity, Bytes bytes_per_token, bool count_lookups,
            std::unique_ptr<EvictionPolicy> policy = nullptr)
      : chains_(&chains),
        bytes_per_block_(bytes_per_token * chains.block_tokens()),
        capacity_blocks_(capacity / bytes_per_block_),
        blocks_(chains, 1, chains.block_tokens(), std::move(policy)),
        lookups_(count_lookups ? chains.block_count() : 0) {}

  void watch(const MemoryLog& log) { blocks_.watch(log); }

  std::uint32_t resident_until(const BlockRange& r) const { return blocks_.ready_until(r); }
  void append_ready(std::vector<BlockRange>& ranges) const { blocks_.append_ready(ranges); }
  // The first block of the range that is resident; its end when none is.
  std::uint32_t first_resident(BlockRange r) const {
    while (r.first < r.last) {
      const Residency::Stretch s = blocks_.stretch(r);
      if (s.ready) break;
      r.first = s.end;
    }
    return r.first;
  }
  Residency::Stretch stretch(const BlockRange& r) const { return blocks_.stretch(r); }
  // The first block from which on the range is there throughout, or absent throughout, as its last block is.
  std::uint32_t stretch_begin(const BlockRange& r) const {
    std::uint32_t begin = r.first;
    bool present = blocks_.stretch(r).present;
    for (BlockRange rest = r; rest.first < r.last;) {
      const Residency::Stretch s = blocks_.stretch(rest);
      if (s.present != present) begin = rest.first;
      present = s.present;
      rest = rest.from(s.end);
    }
    return begin;
  }
  const PrefixChains& chains() const { return *chains_; }
  // Bytes that came here, and that loads took: for wear and for telling who did the work.
  void count_written(Bytes bytes) { written_ += bytes; }
  void count_read(Bytes bytes) { read_ += bytes; }
  Bytes written() const { return written_; }
  Bytes read() const { return read_; }
  Bytes used() const { return bytes_per_block_ * used_blocks_; }
  std::int64_t evicted_blocks() const { return blocks_.evicted_blocks(); }
  Bytes bytes(const BlockRange& r) const { return bytes_per_block_ * r.blocks(); }
  std::int64_t blocks_in(Bytes bytes) const { return bytes / bytes_per_block_; }

  // Times that a block was part of a looked-up prompt (saturates).
  void count_lookups(const BlockRange& r) {
    for (std::uint32_t i = r.first; i < r.last; ++i) {
      std::uint8_t& n = lookups_[(*chains_)[r.chain].first_place + i];
      n += n < 255;
    }
  }
  std::int32_t lookups(std::uint32_t chain, std::uint32_t block) const {
    return lookups_[(*chains_)[chain].first_place + block];
  }

  // Blocks for which a store could get room, with all unpinned blocks gone.
  std::int64_t obtainable_blocks() const { return capacity_blocks_ - used_blocks_ + blocks_.evictable_weight(); }

  // Takes room for blocks that are absent, evicting as needed, from the first to the last or the other way round. There
  // is room: see obtainable_blocks(). What is stored together comes together, when room has been taken for all of it: to
  // the policy the last block comes first.
  void begin_store(const BlockRange& r, bool backwards = false) {
    KVPLAN_ASSERT(r.blocks() <= obtainable_blocks());
    if (!blocks_.misses_block_by_block()) {
      take_room(r);
    } else {
      for (std::uint32_t i = 0; i < r.blocks(); ++i) {
        const std::uint32_t block = backwards ? r.last - 1 - i : r.first + i;
        take_room({r.chain, block, block + 1});
      }
    }
    blocks_.insert(r, false);
  }
  void come(const std::vector<BlockRange>& ranges) {
    for (std::size_t i = ranges.size(); i-- > 0;) {
      blocks_.come(ranges[i]);
      blocks_.rank(ranges[i]);
    }
    blocks_.all_came();
  }

  void end_store(const BlockRange& r) {
    blocks_.become_ready(r);
    blocks_.release(r);
  }

  // What was to be stored does not come: its room is free again.
  void abort_store(const BlockRange& r) {
    blocks_.forget(r);
    used_blocks_ -= r.blocks();
  }

  void pin(const BlockRange& r) { blocks_.reference(r); }
  void unpin(const BlockRange& r) { blocks_.release(r); }
  void touch(const BlockRange& r) { blocks_.touch(r); }
  void announce(const Use& use) { blocks_.announce(use); }

  // Demotion (sim/demotion.hpp): what is next to go, and how much is free or about to be.
  bool anything_evictable() const { return blocks_.anything_evictable(); }
  BlockRange next_to_go() const { return blocks_.oldest(); }
  std::int64_t free_blocks() const { return capacity_blocks_ - used_blocks_; }
  std::int64_t capacity_blocks() const { return capacity_blocks_; }
  std::int64_t leaving_blocks() const { return leaving_blocks_; }
  // What is not pinned of the range leaves at once; the rest when its copy has ended: see left().
  void leave(const BlockRange& r) {
    evict_unpinned(r, false);
  }
  void left(const BlockRange& r) {
    leaving_blocks_ -= r.blocks();
    evict_unpinned(r, true);
  }

  // What was to leave once it is copied does not: the copy is lost.
  void stay(const BlockRange& r) { leaving_blocks_ -= r.blocks(); }

  void audit() const {
    KVPLAN_ASSERT(blocks_.audit() == used_blocks_ && used_blocks_ <= capacity_blocks_);
  }

 private:
  void take_room(const BlockRange& r) {
    blocks_.miss(r);
    used_blocks_ += r.blocks();
    if (used_blocks_ > capacity_blocks_) used_blocks_ -= blocks_.evict(used_blocks_ - capacity_blocks_);
  }

  void evict_unpinned(const BlockRange& r, bool has_left) {
    for (BlockRange rest = r; rest.first < rest.last;) {
      const Residency::Stretch s = blocks_.stretch(rest);
      const BlockRange part = rest.until(s.end);
      rest = rest.from(s.end);
      if (s.references == 0) {
        used_blocks_ -= part.blocks();
        blocks_.evict(part);
      } else if (!has_left) {
        leaving_blocks_ += part.blocks();
      }
    }
  }

  const PrefixChains* chains_;
  Bytes bytes_per_block_;
  std::int64_t capacity_blocks_;
  std::int64_t used_blocks_ = 0;
  std::int64_t leaving_blocks_ = 0;  // pinned until they are copied, then gone
  Bytes written_{0}, read_{0};
  Residency blocks_;
  std::vector<std::uint8_t> lookups_;  // by place
};

}  // namespace kvplan

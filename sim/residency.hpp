// Which blocks a memory holds, how often each is referenced, and in which order
// the others go: kept as pieces, intervals of a chain whose blocks are in the
// same state, so that work costs per piece and not per block.
//
// Invariants
// - The pieces of a chain are disjoint, ascending, and linked in that order.
// - A piece is either referenced or in the eviction list, never both. Blocks
//   that are not ready (still being written) are referenced by their writer.
// - The list runs from the least recently used piece to the most. Within a
//   piece the last block goes first, so that a block's descendants go before it.
// - What has become alike is joined: neighbours with the same references, and
//   neighbours that stand side by side in the list, in the order of eviction.
//   Joining and splitting change no answer, only what it costs.
//
// With an eviction policy (sim/eviction/) that one says what goes; the list above
// stands beside it, unused.
//
// Blocks weigh `block_weight` each; a chain's partial last block weighs less
// (`partial_unit_tokens` tokens a unit, rounded up).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.hpp"
#include "sim/event_log.hpp"
#include "sim/eviction/eviction.hpp"
#include "sim/sparse_table.hpp"
#include "traces/prefix_chains.hpp"
#include "traces/workload.hpp"  // kNone

namespace kvplan {

class Residency {
 public:
  Residency(const PrefixChains& chains, std::int64_t block_weight, std::int64_t partial_unit_tokens,
            std::unique_ptr<EvictionPolicy> policy = nullptr)
      : chains_(&chains),
        block_weight_(block_weight),
        unit_tokens_(partial_unit_tokens),
        policy_(std::move(policy)) {
    pieces_.push_back({});  // piece 0: the ends of the eviction list
  }

  void watch(const MemoryLog& log) { log_ = log; }

  std::int64_t weight(const BlockRange& r) const {
    const std::int64_t full = r.blocks() * block_weight_;
    return r.last == (*chains_)[r.chain].blocks ? full - missing_weight(r.chain) : full;
  }

  // A stretch of a range, from its first block on, in one state.
  struct Stretch {
    bool present = false;
    bool ready = false;
    std::uint32_t references = 0;
    std::uint32_t end = 0;  // where it stops; the next block may be in the same state
  };
  Stretch stretch(const BlockRange& r) const;

  // The first block of the range that is not there, or not ready; `last` when all are.
  std::uint32_t ready_until(const BlockRange& r) const;
  bool any(const BlockRange& r) const;  // any block of the range is there
  // All that is ready, in no order.
  void append_ready(std::vector<BlockRange>& ranges) const {
    for (const Piece& p : pieces_) {
      if (p.chain != kNone && p.ready) ranges.push_back(range_of(p));
    }
  }
  // Weight of the blocks of the range, all of which are there, that nothing references.
  std::int64_t unreferenced_weight(const BlockRange& r) const;

  // Blocks that are not there: referenced once from here on.
  void insert(const BlockRange& r, bool ready);
  void reference(const BlockRange& r);
  // Blocks left without references become the most recently used ones, the last block of the range first.
  void release(const BlockRange& r);
  void become_ready(const BlockRange& r);
  // Blocks that nothing references become the most recently used ones; others stay as they are.
  void touch(const BlockRange& r);
  // For the policy, where there is one, which learns of insertions by come() alone. Ranges are there throughout.
  void announce(const Use& use) { if (policy_) policy_->announce(use); }
  void miss(const BlockRange& r) { if (policy_) policy_->miss(r); }
  bool misses_block_by_block() const { return policy_ && policy_->block_by_block(); }
  void come(const BlockRange& r) { if (policy_) policy_->insert(r); }
  void all_came() { if (policy_) policy_->all_came(); }
  void access(const BlockRange& r) { if (policy_) policy_->access(r); }
  void rank(const BlockRange& r) { if (policy_) policy_->rank(r); }
  std::int64_t priority(std::uint32_t chain, std::uint32_t block) const {
    return policy_ ? policy_->priority(chain, block) : 100;
  }
  // Blocks with one reference, the caller's, go.
  void forget(const BlockRange& r);

  std::int64_t evictable_weight() const { return evictable_; }
  std::int64_t evicted_blocks() const { return evicted_blocks_; }
  bool anything_evictable() const { return pieces_[kEnds].newer != kEnds; }
  // What is evicted next, from its last block on.
  BlockRange oldest() const { return policy_ ? next_by_policy() : range_of(pieces_[pieces_[kEnds].newer]); }
  // Evicts whole blocks, the least recently used first, until they weigh at least `weight`; returns what they weigh.
  std::int64_t evict(std::int64_t weight);
  // Evicts blocks that nothing references.
  void evict(const BlockRange& r);

  // Recounts everything; returns the weight of all blocks that are there.
  std::int64_t audit() const;

 private:
  using PieceId = std::uint32_t;
  static constexpr PieceId kEnds = 0;

  struct Piece {
    std::uint32_t chain = kNone, first = 0, last = 0;
    std::uint32_t references : 31 = 0;
    std::uint32_t ready : 1 = 0;
    PieceId next = kEnds, previous = kEnds;  // in the chain; kEnds for none
    PieceId newer = kEnds, older = kEnds;    // in the eviction list
  };

  static BlockRange range_of(const Piece& p) { return {p.chain, p.first, p.last}; }
  std::int64_t missing_weight(std::uint32_t chain) const {
    return block_weight_ - ceil_div((*chains_)[chain].last_block_tokens, unit_tokens_);
  }
  BlockRange enough_of(const BlockRange& whole, std::int64_t weight) const;
  BlockRange next_by_policy() const;
  std::int64_t evict_by_policy(std::int64_t weight);
  void use(const BlockRange& r);
  PieceId find(std::uint32_t chain, std::uint32_t block) const;  // the first piece that ends behind the block
  PieceId begin_at(const BlockRange& r);  // the piece that begins with the range's first block, split off if need be
  void end_at(PieceId p, std::uint32_t last);  // splits off what lies behind
  PieceId add(const Piece& piece);
  PieceId split(PieceId p, std::uint32_t at);  // p keeps the front; returns the back
  void remove(PieceId p);                      // from its chain; the list is the caller's
  void link_newest(PieceId p);
  void unlink(PieceId p);
  void join_next(PieceId p);
  PieceId join_previous(PieceId p);

  void note(Happening what, const BlockRange& r, std::int64_t a = 0) const { log_.blocks(what, *chains_, r, a); }

  const PrefixChains* chains_;
  MemoryLog log_;
  std::int64_t block_weight_;
  std::int64_t unit_tokens_;
  std::unique_ptr<EvictionPolicy> policy_;  // null: LRU
  SparseTable first_;  // by chain: its first piece
  std::vector<Piece> pieces_;
  std::vector<PieceId> spare_;
  std::int64_t evictable_ = 0;
  std::int64_t evicted_blocks_ = 0;
};

}  // namespace kvplan

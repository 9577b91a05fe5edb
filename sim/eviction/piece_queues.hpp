// Several queues over the blocks of a memory, kept as pieces: what stands alike
// side by side in a chain is one piece, so that work costs per piece. The
// piece-wise counterpart of traces/policies/block_lists.hpp.
//
// Invariants
// - Pieces are disjoint. A block without a piece is on no queue.
// - A queue runs by (rank, order), the lowest first; among equals the later
//   block of a chain goes first, so that a block's descendants go before it.
// - Held pieces keep their place but are not found: they cannot be evicted.
// - Neighbours that stand alike are one piece.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "traces/prefix_chains.hpp"

namespace kvplan {

class PieceQueues {
 public:
  static constexpr std::uint8_t kNoQueue = 0xff;

  struct Standing {
    std::uint8_t queue = kNoQueue;
    bool held = false;
    std::uint32_t count = 0;  // of uses, as far as the policy counts them
    std::int64_t rank = 0;
    std::int64_t order = 0;
    std::int64_t until = 0;  // what the policy notes: when a rank ends, ...
    friend auto operator<=>(const Standing&, const Standing&) = default;
  };
  struct Place {  // in a queue
    std::int64_t rank = 0, order = 0;
    std::uint32_t chain = 0, behind = 0;  // behind: ~first, so that the later block goes first
    friend auto operator<=>(const Place&, const Place&) = default;
  };

  explicit PieceQueues(std::uint8_t queues) : queues_(queues), blocks_(queues, 0) {}

  // Calls `act(standing)` for every stretch of the range that stands alike, the last one first, also for those on no
  // queue. What leaves kNoQueue in a standing is forgotten.
  template <class Act>
  void change(const BlockRange& r, Act act) {
    std::vector<Stretch> stretches = take_out(r);
    for (Stretch& s : stretches) {
      act(s.standing);
      if (s.standing.queue != kNoQueue) put(s.range, s.standing);
    }
    join_at(r.chain, r.last);
    for (const Stretch& s : stretches) join_at(r.chain, s.range.first);
  }

  std::int64_t blocks(std::uint8_t queue) const { return blocks_[queue]; }  // held ones as well
  Standing standing(std::uint32_t chain, std::uint32_t block) const;

  // What is not held: the first of a queue, and the first at or behind a place.
  std::optional<Place> first(std::uint8_t queue) const;
  std::optional<Place> from(std::uint8_t queue, const Place& place) const;
  BlockRange range(const Place& place) const;

 private:
  struct Stretch {
    BlockRange range;
    Standing standing;
  };
  struct Piece {
    std::uint32_t last = 0;
    Standing standing;
  };
  using Pieces = std::map<std::pair<std::uint32_t, std::uint32_t>, Piece>;  // by chain and first block

  static Place place_of(Pieces::const_iterator p) {
    return {p->second.standing.rank, p->second.standing.order, p->first.first, ~p->first.second};
  }
  std::vector<Stretch> take_out(const BlockRange& r);
  void put(const BlockRange& r, const Standing& standing);
  Pieces::iterator erase(Pieces::iterator p);
  void split(std::uint32_t chain, std::uint32_t at);
  void join_at(std::uint32_t chain, std::uint32_t at);

  std::vector<std::set<Place>> queues_;
  std::vector<std::int64_t> blocks_;
  Pieces pieces_;
};

}  // namespace kvplan

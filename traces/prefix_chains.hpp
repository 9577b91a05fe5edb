// The prefix tree of a load as chains, so that work on a prompt costs per chain
// and not per block.
//
// The tree of blocks is cut into chains by heavy paths: from each block the
// chain goes on with the child that most prompts pass through (ties to the
// lower id). A prompt is a path from the root, so it enters every chain at its
// first block and covers a leading part of it: it is a short list of runs. A
// conversation whose turns only grow is one run, however many turns it has.
//
// Every block of a chain is full but possibly its last, which then is a leaf.
// A block's place is its number with the blocks of a chain side by side.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/units.hpp"

namespace kvplan {

struct Workload;
struct Turn;
using TurnId = std::uint32_t;

struct Chain {
  std::uint32_t first_place = 0;
  std::uint32_t blocks = 0;
  std::int32_t last_block_tokens = 0;
};

// Blocks [first, last) of a chain.
struct BlockRange {
  std::uint32_t chain = 0;
  std::uint32_t first = 0;
  std::uint32_t last = 0;

  std::int64_t blocks() const { return std::int64_t{last} - first; }
  BlockRange until(std::uint32_t end) const { return {chain, first, end}; }
  BlockRange from(std::uint32_t begin) const { return {chain, begin, last}; }
};

// A part of a prompt, or of an answer: its blocks from number `begin` on.
struct PrefixRun {
  std::uint32_t begin = 0;
  BlockRange range;
};

class PrefixChains {
 public:
  PrefixChains() = default;
  explicit PrefixChains(const Workload& workload);

  bool empty() const { return prompts_.first.empty(); }
  std::uint32_t chain_count() const { return static_cast<std::uint32_t>(chains_.size()); }
  const Chain& operator[](std::uint32_t chain) const { return chains_[chain]; }
  std::uint32_t block_count() const { return block_count_; }
  std::int32_t block_tokens() const { return block_tokens_; }

  std::int64_t tokens(const BlockRange& r) const {
    return r.blocks() * block_tokens_ - (r.last == chains_[r.chain].blocks ? missing_tokens(r.chain) : 0);
  }
  // By how much a chain's last block is short of a full one.
  std::int64_t missing_tokens(std::uint32_t chain) const { return block_tokens_ - chains_[chain].last_block_tokens; }

  std::span<const PrefixRun> prompt(TurnId turn) const { return prompts_.of(turn); }
  std::span<const PrefixRun> output(TurnId turn) const { return outputs_.of(turn); }

 private:
  struct Runs {  // by turn, flat
    std::vector<std::uint32_t> first;
    std::vector<PrefixRun> runs;
    std::span<const PrefixRun> of(TurnId turn) const {
      return {runs.data() + first[turn], runs.data() + first[turn + 1]};
    }
  };
  struct Place {
    std::uint32_t chain = 0, position = 0;
  };

  std::vector<Place> cut(const Workload& workload);
  // Appends the runs of the `count` blocks that end with block `last`, in order.
  void append_runs(Runs& runs, const std::vector<Place>& places, std::uint32_t last,
                   std::uint32_t count) const;

  std::int32_t block_tokens_ = 0;
  std::uint32_t block_count_ = 0;
  std::vector<Chain> chains_;
  std::vector<std::uint32_t> parents_;  // by chain: the block before its first, kNone at the root
  Runs prompts_, outputs_;
};

// Calls `visit(range)` for blocks [from, to) of a list of runs, in order.
template <class Visit>
void for_each_range(std::span<const PrefixRun> runs, std::int64_t from, std::int64_t to, Visit visit) {
  if (from >= to) return;
  auto run = std::upper_bound(runs.begin(), runs.end(), from, [](std::int64_t n, const PrefixRun& r) { return n < r.begin; });
  for (--run; run != runs.end() && run->begin < to; ++run) {
    BlockRange part = run->range;
    part.last = static_cast<std::uint32_t>(std::min<std::int64_t>(part.last, part.first + (to - run->begin)));
    if (from > run->begin) part.first += static_cast<std::uint32_t>(from - run->begin);
    if (!visit(part)) return;
  }
}

// The same from the last run to the first.
template <class Visit>
void for_each_range_backwards(std::span<const PrefixRun> runs, std::int64_t from, std::int64_t to, Visit visit) {
  if (from >= to) return;
  auto run = std::lower_bound(runs.begin(), runs.end(), to, [](const PrefixRun& r, std::int64_t n) { return r.begin < n; });
  while (run != runs.begin()) {
    --run;
    BlockRange part = run->range;
    part.last = static_cast<std::uint32_t>(std::min<std::int64_t>(part.last, part.first + (to - run->begin)));
    if (from > run->begin) part.first += static_cast<std::uint32_t>(from - run->begin);
    visit(part);
    if (run->begin <= from) return;
  }
}

}  // namespace kvplan

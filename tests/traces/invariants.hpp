// The invariants of traces/workload.hpp, checked block by block.
#pragma once

#include "tests/catch.hpp"
#include "traces/workload.hpp"

namespace kvplan::test {

// One assertion a turn: Catch's bookkeeping a block would take seconds on a real trace.
inline void check_chain(const Workload& w, const Turn& turn) {
  std::int64_t tokens = 0;
  BlockId parent = kNone;
  bool good = true;
  const auto blocks = w.blocks(turn);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const std::int32_t covered = w.tokens_of_block.at(blocks[i]);
    good = good && w.parent_of_block[blocks[i]] == parent;
    good = good && (i + 1 < blocks.size() ? covered == w.block_tokens : covered > 0 && covered <= w.block_tokens);
    tokens += covered;
    parent = blocks[i];
  }
  REQUIRE(good);
  REQUIRE(tokens == turn.prompt_tokens);
}

inline void check_outputs(const Workload& w, const Turn& turn) {
  const std::int64_t full = turn.prompt_tokens / w.block_tokens;
  const auto outputs = w.outputs(turn);
  REQUIRE(full + static_cast<std::int64_t>(outputs.size()) <=
          (std::int64_t{turn.prompt_tokens} + std::max(0, turn.output_tokens - 1)) / w.block_tokens);
  BlockId parent = full == 0 ? kNone : w.blocks(turn)[static_cast<std::size_t>(full - 1)];
  for (const BlockId block : outputs) {
    REQUIRE(w.tokens_of_block[block] == w.block_tokens);
    REQUIRE(w.parent_of_block[block] == parent);
    parent = block;
  }
}

inline void check_invariants(const Workload& w) {
  REQUIRE(w.parent_of_block.size() == w.tokens_of_block.size());
  BlockId fresh = 0;
  std::uint32_t sessions = 0;
  Time latest{0};
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const Turn& turn = w.turns[t];
    check_chain(w, turn);
    check_outputs(w, turn);
    bool dense = true;  // in order of first appearance
    for (const BlockId block : w.blocks(turn)) {
      dense = dense && block <= fresh;
      fresh += block == fresh;
    }
    REQUIRE(dense);
    if (turn.arrival.after == kNone) {
      REQUIRE(turn.arrival.time >= latest);
      latest = turn.arrival.time;
    } else {
      REQUIRE(turn.arrival.after < t);
    }
    if (turn.continues == kNone) {
      REQUIRE(turn.session == sessions++);
    } else {
      REQUIRE(turn.continues < t);
      REQUIRE(turn.session == w.turns[turn.continues].session);
    }
  }
  REQUIRE(fresh == w.block_count());
  REQUIRE(sessions == w.session_count);
}

}  // namespace kvplan::test

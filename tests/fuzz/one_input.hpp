// What every fuzz target and the replay of the saved corpus do with one input:
// it is read in one format and compiled in each kind of loop. A clear error is
// good, and so is a workload that keeps its invariants; all else stops.
#pragma once

#include <string>

#include "base/error.hpp"
#include "traces/compile.hpp"
#include "traces/load.hpp"

namespace kvplan::fuzz {

inline void check_chain(const Workload& w, const Turn& turn, BlockId& fresh) {
  std::int64_t tokens = 0;
  BlockId parent = kNone;
  for (const BlockId block : w.blocks(turn)) {
    KVPLAN_ASSERT(block <= fresh && w.parent_of_block.at(block) == parent);
    fresh += block == fresh;
    tokens += w.tokens_of_block[block];
    parent = block;
  }
  KVPLAN_ASSERT(tokens == turn.prompt_tokens);
}

inline void check(const Workload& w) {
  BlockId fresh = 0;
  Time latest{0};
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const Turn& turn = w.turns[t];
    check_chain(w, turn, fresh);
    KVPLAN_ASSERT(turn.prompt_tokens >= 0 && turn.output_tokens >= 0 && turn.arrival.time >= Time(0));
    KVPLAN_ASSERT(turn.session < w.session_count && (turn.continues == kNone || turn.continues < t));
    if (turn.arrival.after == kNone) {
      KVPLAN_ASSERT(turn.arrival.time >= latest && turn.arrival.join == kNone);
      latest = turn.arrival.time;
    } else {
      KVPLAN_ASSERT(turn.arrival.after < t && (turn.arrival.join == kNone || turn.arrival.join < t));
    }
  }
  KVPLAN_ASSERT(fresh == w.block_count());
}

// Returns whether the input was read.
inline bool one_input(const TraceFormat& format, const std::string& text) {
  bool read = false;
  for (const ClosedLoop loop : {ClosedLoop::recorded, ClosedLoop::open, ClosedLoop::inferred}) {
    LoadOptions options;
    options.closed_loop = loop;
    // A prompt of 2^31 tokens, which few bytes can ask for, makes fewer blocks; hashed prompts of the corpus need 512.
    if (std::string_view(format.name) != "mooncake") options.block_tokens = 16384;
    if (loop == ClosedLoop::open) options.context_cap_tokens = 100000;
    try {
      const TraceRows rows = rows_in_format(format, text, "input", options);
      KVPLAN_ASSERT(!rows.rows.empty() && rows.format == format.name);
      check(compile_workload(rows, options));
      read = true;
    } catch (const InputError& e) {
      KVPLAN_ASSERT(!e.findings().empty() && !e.findings().front().message.empty());
    }
  }
  try {
    rows_from_text(text, "input");  // as a user would: the format is told from the content
  } catch (const InputError&) {
  }
  return read;
}

}  // namespace kvplan::fuzz

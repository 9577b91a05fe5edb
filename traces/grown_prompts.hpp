// Block ids for sessions of which only lengths are known: a prompt that is at
// least as long as the prompt and answer before it begins with that prompt's full
// blocks; a shorter one was reset, and shares nothing. The answer's blocks are
// those that the follow-up shows behind them (traces/compile.hpp).
#pragma once

#include <algorithm>

#include "traces/rows.hpp"

namespace kvplan {

// `row` has its lengths, and its parent or kNone. False beyond a billion blocks.
inline bool give_grown_ids(TraceRows& rows, TraceRow& row) {
  const auto count = static_cast<std::uint32_t>(ceil_div(row.prompt_tokens, rows.block_tokens));
  if (row.parent == kNone) return rows.give_ids(row, count, 0);
  const TraceRow& before = rows.rows[row.parent];
  const bool grown = row.prompt_tokens >= std::int64_t{before.prompt_tokens} + before.output_tokens;
  return rows.give_ids(row, count, grown ? static_cast<std::uint32_t>(before.prompt_tokens / rows.block_tokens) : 0);
}

}  // namespace kvplan

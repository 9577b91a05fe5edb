// The normal form of every load: sessions of turns whose prompts are chains of
// blocks. A Workload is compiled once, is immutable afterwards, and is shared
// read-only by all simulations; all randomness of the load is spent before.
//
// Invariants
// - Turns are numbered in order of recorded arrival (ties in file order).
// - A block id names a prefix: two turns share block i of their prompts only if
//   they share all blocks before it. The same id always stands at the same
//   position with the same parent, and covers the same number of tokens.
// - Every block of a prompt is full (block_tokens) but the last, which covers
//   the rest. Where a format drops the partial last block, the compiler gives
//   the tail an id of its own, so that prompt = sum of its blocks, always.
// - continues[t] names the earlier turn whose answer turn t's prompt contains
//   (recorded in the trace, or inferred); kNone for a first turn. If t shares
//   every full block of that turn's prompt, then t's blocks that lie wholly
//   inside "parent prompt + parent output" are what the parent's answer left
//   behind: they are listed as the parent's output blocks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "traces/prefix_chains.hpp"

namespace kvplan {

using BlockId = std::uint32_t;
using TurnId = std::uint32_t;
inline constexpr std::uint32_t kNone = 0xffffffffu;

// When a turn arrives: at an absolute time, or a think time after the end of another turn.
// It arrives at the latest of end(after) + time, end(join) and not_before. Without
// `after`, only `time` counts. `after` and `join` are earlier turns, and differ.
struct Arrival {
  Time time;             // absolute, or the think time when `after` is set
  TurnId after = kNone;  // the turn whose end starts the think time
  TurnId join = kNone;   // with `after`: a side branch of the session (a sub-agent) whose end it awaits as well
  Time not_before{0};    // with `after`: the recorded arrival, where a follow-up only waits if its parent is late
};

struct Turn {
  Arrival arrival;
  std::uint32_t session = 0;
  TurnId continues = kNone;
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;
  std::uint32_t first_block = 0;         // into Workload::prompt_blocks
  std::uint32_t block_count = 0;         // blocks of the prompt
  std::uint32_t first_output_block = 0;  // into Workload::output_blocks
  std::uint32_t output_block_count = 0;  // whole blocks whose KV, as a later turn shows, the answer has left
  Time recorded_service{0};              // arrival to end in the recording; zero where the trace does not tell
};

// What the reader repaired, dropped or assumed: printed, never hidden.
struct WorkloadNote {
  std::string what;
  std::int64_t rows = 0;
};

struct Workload {
  std::string name;    // for people: the file's name
  std::string format;  // "mooncake", "synthetic", ...
  std::string sha256;  // of the uncompressed input
  std::int32_t block_tokens = 0;
  std::uint32_t session_count = 0;
  Time recorded_tick{0};  // of the recording's clock; zero: not quantised
  std::vector<Turn> turns;
  std::vector<BlockId> prompt_blocks;
  std::vector<BlockId> output_blocks;        // position of entry i of turn t: t.prompt_tokens / block_tokens + i
  std::vector<BlockId> parent_of_block;      // kNone at the head of a chain
  std::vector<std::int32_t> tokens_of_block;
  std::vector<WorkloadNote> notes;
  PrefixChains chains;                       // for simulations: see with_chains(); one without makes its own

  std::uint32_t block_count() const { return static_cast<std::uint32_t>(tokens_of_block.size()); }
  std::span<const BlockId> blocks(const Turn& t) const { return {prompt_blocks.data() + t.first_block, t.block_count}; }
  std::span<const BlockId> outputs(const Turn& t) const { return {output_blocks.data() + t.first_output_block, t.output_block_count}; }
};

// The same load with its chains cut, once for all simulations of it.
Workload with_chains(Workload load);

}  // namespace kvplan

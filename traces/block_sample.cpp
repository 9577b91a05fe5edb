#include "traces/block_sample.hpp"

#include <algorithm>

#include "traces/compile.hpp"
#include "traces/load.hpp"
#include "traces/rearrange.hpp"
#include "traces/workload_builder.hpp"

namespace kvplan {

SampledLoad whole_load(Workload load) {
  SampledLoad whole;
  for (const Turn& turn : load.turns) whole.prompt_tokens += turn.prompt_tokens;
  whole.prompt_blocks = static_cast<std::int64_t>(load.prompt_blocks.size());
  whole.hashed_tokens = whole.prompt_tokens;
  whole.hashed_blocks = whole.prompt_blocks;
  whole.load = std::move(load);
  return whole;
}

std::optional<SampledLoad> read_sample(const std::string& path, LoadOptions options, const BlockSample& sample) {
  options.blocks = sample;
  options.tick = Time(0);
  const TraceRows rows = load_rows(path, options);
  if (!rows.thinned_from || rows.thinned_from->waiting_rows > 0) return std::nullopt;
  if (rows.rows.empty()) {
    throw InputError({path, 0, 0, "no block of the trace belongs to the sample", "sample a larger share"});
  }
  const ThinnedFrom& all = *rows.thinned_from;
  return SampledLoad{compile_workload(rows, options),
                     sample.high - sample.low,
                     all.prompt_tokens,
                     all.prompt_blocks,
                     all.hashed_tokens,
                     all.hashed_blocks};
}

Workload thinned(const Workload& w, const BlockSample& sample) {
  WorkloadBuilder builder(w, w.block_tokens);
  const std::vector<Time> at = recorded_timeline(w);
  std::vector<bool> kept(w.block_count());
  for (BlockId b = 0; b < kept.size(); ++b) kept[b] = sample.holds(b);
  std::vector<BlockId> ids(w.block_count(), kNone);
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const auto blocks = w.blocks(w.turns[t]);
    Turn turn;
    turn.arrival.time = at[t];
    for (const BlockId b : blocks) turn.prompt_tokens += kept[b] ? w.tokens_of_block[b] : 0;
    if (turn.prompt_tokens == 0) continue;
    builder.begin_turn(turn);
    for (const BlockId b : blocks) {
      if (kept[b]) builder.add_block(ids[b], w.tokens_of_block[b]);
    }
  }
  return builder.finish();
}

}  // namespace kvplan

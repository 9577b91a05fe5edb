#include "traces/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "traces/rearrange.hpp"

namespace kvplan {
namespace {

// Minutes are equal parts of the whole, each nearly one long: a shorter one at the end would have fewer arrivals than the
// mean minute, however many come in it.
void describe_burstiness(const std::vector<Time>& at, TraceStatistics& s) {
  double sum = 0, squares = 0;
  std::vector<double> minutes(static_cast<std::size_t>(std::max(1.0, std::round(s.duration_s / 60))), 0);
  const double count = static_cast<double>(minutes.size());
  for (std::size_t t = 0; t < at.size(); ++t) {
    const double minute = seconds(at[t] - at.front()) / s.duration_s * count;
    ++minutes[static_cast<std::size_t>(std::min(minute, count - 1))];
    const double gap = t == 0 ? 0 : seconds(at[t] - at[t - 1]);
    sum += gap, squares += gap * gap;
  }
  const double n = static_cast<double>(at.size() - 1), mean = sum / n;
  s.gap_cv = std::sqrt(std::max(0.0, squares / n - mean * mean)) / mean;
  s.peak_to_mean_minute = *std::max_element(minutes.begin(), minutes.end()) * count / static_cast<double>(at.size());
}

void describe_arrivals(const Workload& workload, TraceStatistics& s) {
  std::vector<double> thinks;
  for (const Turn& turn : workload.turns) {
    if (turn.arrival.after != kNone) thinks.push_back(seconds(turn.arrival.time));
  }
  s.closed_loop_turns = static_cast<std::int64_t>(thinks.size());
  s.think_s = summarise(std::move(thinks));
  std::vector<Time> at = recorded_timeline(workload);
  std::sort(at.begin(), at.end());
  s.duration_s = seconds(at.back() - at.front());
  if (s.duration_s <= 0) return;
  s.turns_per_s = static_cast<double>(s.turns) / s.duration_s;
  describe_burstiness(at, s);
}

// Ids are dense in order of first appearance: a block below the next fresh id was seen before.
void describe_blocks(const Workload& workload, TraceStatistics& s) {
  std::int64_t hit_blocks = 0, hit_tokens = 0;
  BlockId fresh = 0;
  std::vector<double> prompts, outputs;
  double turn_shares_blocks = 0, turn_shares_tokens = 0;
  for (const Turn& turn : workload.turns) {
    prompts.push_back(turn.prompt_tokens);
    outputs.push_back(turn.output_tokens);
    s.total_prompt_tokens += turn.prompt_tokens;
    s.total_output_tokens += turn.output_tokens;
    const std::int64_t blocks_before = hit_blocks, tokens_before = hit_tokens;
    for (const BlockId block : workload.blocks(turn)) {
      if (block == fresh) {
        ++fresh;
      } else {
        ++hit_blocks;
        hit_tokens += workload.tokens_of_block[block];
      }
    }
    if (turn.block_count == 0) continue;
    turn_shares_blocks += static_cast<double>(hit_blocks - blocks_before) / turn.block_count;
    turn_shares_tokens += static_cast<double>(hit_tokens - tokens_before) / turn.prompt_tokens;
  }
  s.distinct_first_blocks = std::count(workload.parent_of_block.begin(), workload.parent_of_block.end(), kNone);
  s.prompt_tokens = summarise(std::move(prompts));
  s.output_tokens = summarise(std::move(outputs));
  s.prompt_blocks = static_cast<std::int64_t>(workload.prompt_blocks.size());
  s.unique_blocks = workload.block_count();
  s.unique_tokens = std::accumulate(workload.tokens_of_block.begin(), workload.tokens_of_block.end(), std::int64_t{0});
  if (s.prompt_blocks == 0) return;
  s.infinite_hit_rate_blocks = static_cast<double>(hit_blocks) / static_cast<double>(s.prompt_blocks);
  s.infinite_hit_rate_tokens = static_cast<double>(hit_tokens) / static_cast<double>(s.total_prompt_tokens);
  s.mean_turn_hit_rate_blocks = turn_shares_blocks / static_cast<double>(s.turns);
  s.mean_turn_hit_rate_tokens = turn_shares_tokens / static_cast<double>(s.turns);
}

void describe_sessions(const Workload& workload, TraceStatistics& s) {
  std::vector<double> growth, gaps, turns(workload.session_count);
  std::int64_t whole = 0;
  for (const Turn& turn : workload.turns) {
    ++turns[turn.session];
    if (turn.continues == kNone) continue;
    const Turn& parent = workload.turns[turn.continues];
    const double grown = double{1} * turn.prompt_tokens - parent.prompt_tokens - parent.output_tokens;
    growth.push_back(grown);
    whole += grown >= -kEndMarkerTokens;
    if (turn.arrival.after == kNone && parent.arrival.after == kNone) {
      gaps.push_back(seconds(turn.arrival.time - parent.arrival.time));
    }
  }
  s.sessions = workload.session_count;
  s.follow_up_turns = static_cast<std::int64_t>(growth.size());
  if (!growth.empty()) s.whole_answer_share = static_cast<double>(whole) / static_cast<double>(growth.size());
  std::erase_if(turns, [](double n) { return n < 2; });
  s.multi_turn_sessions = static_cast<std::int64_t>(turns.size());
  s.turns_of_multi_turn_sessions = summarise(std::move(turns));
  s.growth_tokens = summarise(std::move(growth));
  s.gap_s = summarise(std::move(gaps));
}

}  // namespace

Summary summarise(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  const auto at = [&](double q) { return values[std::min(static_cast<std::size_t>(q * n), values.size() - 1)]; };
  Summary s{std::accumulate(values.begin(), values.end(), 0.0) / n, at(.10), at(.50), at(.90), at(.99), values.back(), {}};
  for (int percent = 0; percent <= 100; ++percent) s.percentiles.push_back(at(percent / 100.0));
  return s;
}

TraceStatistics trace_statistics(const Workload& workload) {
  TraceStatistics s;
  s.turns = static_cast<std::int64_t>(workload.turns.size());
  s.tick = workload.recorded_tick;
  describe_arrivals(workload, s);
  describe_blocks(workload, s);
  describe_sessions(workload, s);
  return s;
}

}  // namespace kvplan

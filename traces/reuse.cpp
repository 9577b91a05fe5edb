#include "traces/reuse.hpp"

#include <algorithm>
#include <utility>

#include "traces/rearrange.hpp"
#include "traces/stack_distance.hpp"

namespace kvplan {
namespace {

std::vector<std::int64_t> uses_of_blocks(const Workload& w) {
  std::vector<std::int64_t> uses(w.block_count(), 0);
  for (const BlockId block : w.prompt_blocks) ++uses[block];
  return uses;
}

void describe_intervals(const Workload& w, const std::vector<Time>& at, const std::vector<bool>& counted, Reuse& r) {
  std::vector<TurnId> last(w.block_count(), kNone);
  std::vector<std::int64_t> tokens_before(w.turns.size() + 1, 0);
  std::vector<double> intervals_s, intervals_tokens;
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    tokens_before[t + 1] = tokens_before[t] + w.turns[t].prompt_tokens;
    for (const BlockId block : w.blocks(w.turns[t])) {
      const TurnId before = std::exchange(last[block], t);
      if (before == kNone || !counted[block]) continue;
      intervals_s.push_back(seconds(at[t] - at[before]));
      intervals_tokens.push_back(static_cast<double>(tokens_before[t] - tokens_before[before]));
    }
  }
  r.interval_s = summarise(std::move(intervals_s));
  r.interval_tokens = summarise(std::move(intervals_tokens));
}

// Quantiles of a histogram, with the ranks of summarise().
Summary summary_of_depths(const std::vector<std::int64_t>& depths, double block_tokens) {
  std::int64_t n = 0;
  double sum = 0;
  for (std::size_t d = 0; d < depths.size(); ++d) {
    n += depths[d];
    sum += static_cast<double>(d) * static_cast<double>(depths[d]);
  }
  if (n == 0) return {};
  std::vector<double> at;
  std::int64_t below = 0;
  std::size_t d = 0;
  for (int percent = 0; percent <= 100; ++percent) {
    const auto rank = std::min(static_cast<std::int64_t>(percent / 100.0 * static_cast<double>(n)), n - 1);
    while (below + depths[d] <= rank) below += depths[d++];
    at.push_back(static_cast<double>(d) * block_tokens);
  }
  return {sum / static_cast<double>(n) * block_tokens, at[10], at[50], at[90], at[99], at[100], at};
}

void describe_parts(const Workload& w, const std::vector<Time>& at, std::size_t parts, Reuse& r) {
  if (at.empty()) return;
  const double length_s = seconds(at.back() - at.front()) / static_cast<double>(parts);
  r.parts.resize(parts);
  for (std::size_t p = 0; p < parts; ++p) r.parts[p].from_s = static_cast<double>(p) * length_s;
  BlockId fresh = 0;
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const double since_s = seconds(at[t] - at.front());
    const auto p = length_s > 0 ? static_cast<std::size_t>(since_s / length_s) : 0;
    TracePart& part = r.parts[std::min(p, parts - 1)];
    ++part.turns;
    part.output_tokens += w.turns[t].output_tokens;
    part.prompt_tokens += w.turns[t].prompt_tokens;
    for (const BlockId block : w.blocks(w.turns[t])) {
      if (block == fresh) {
        ++fresh;
      } else {
        part.reused_tokens += w.tokens_of_block[block];
      }
    }
    part.unique_blocks = fresh;
  }
  for (std::size_t p = 1; p < parts; ++p) {
    r.parts[p].unique_blocks = std::max(r.parts[p].unique_blocks, r.parts[p - 1].unique_blocks);
  }
}

WorkingSet working_set(const Workload& w, const std::vector<Time>& at, double window_s) {
  WorkingSet set{window_s};
  std::vector<std::int64_t> seen_in(w.block_count(), -1);
  std::vector<double> tokens(static_cast<std::size_t>(seconds(at.back() - at.front()) / window_s) + 1, 0);
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const auto window = static_cast<std::int64_t>(seconds(at[t] - at.front()) / window_s);
    for (const BlockId block : w.blocks(w.turns[t])) {
      if (std::exchange(seen_in[block], window) != window) {
        tokens[static_cast<std::size_t>(window)] += w.tokens_of_block[block];
      }
    }
  }
  const Summary s = summarise(std::move(tokens));
  set.mean_tokens = s.mean;
  set.max_tokens = s.max;
  return set;
}

}  // namespace

Reuse reuse_of(const Workload& w, std::size_t parts) {
  const std::vector<Time> at = recorded_timeline(w);
  if (!std::is_sorted(at.begin(), at.end())) return reuse_of(rearrange(w, placements_of(w)), parts);
  Reuse r;
  const std::vector<std::int64_t> uses = uses_of_blocks(w);
  std::vector<bool> counted(uses.size());
  std::transform(uses.begin(), uses.end(), counted.begin(),
                 [&](std::int64_t n) { return n * 2 <= static_cast<std::int64_t>(w.turns.size()); });
  describe_intervals(w, at, counted, r);
  r.stack_distance_tokens = summary_of_depths(stack_depths(w, counted), w.block_tokens);
  if (!uses.empty()) {
    r.used_once_share = static_cast<double>(std::count(uses.begin(), uses.end(), 1)) / static_cast<double>(uses.size());
  }
  describe_parts(w, at, parts, r);
  if (at.empty()) return r;
  for (const double window_s : {60.0, 600.0, 3600.0}) r.working_sets.push_back(working_set(w, at, window_s));
  return r;
}

}  // namespace kvplan

// What a trace holds, without simulation.
#pragma once

#include <cstdint>
#include <vector>

#include "base/units.hpp"
#include "traces/workload.hpp"

namespace kvplan {

struct Summary {
  double mean = 0;
  double p10 = 0, p50 = 0, p90 = 0, p99 = 0, max = 0;
  std::vector<double> percentiles;  // 0 to 100; empty when there are no values
};

// The value at rank floor(q n) of the ascending values, the last for q = 1; all zero, without percentiles, when there
// are none.
Summary summarise(std::vector<double> values);

// An answer's end markers are counted as output, but not always sent back.
inline constexpr double kEndMarkerTokens = 8;

struct TraceStatistics {
  std::int64_t turns = 0;
  std::int64_t closed_loop_turns = 0;  // arrive a think time after another turn's end
  double duration_s = 0;               // from the first to the last arrival on the recorded timeline
  double turns_per_s = 0;
  double gap_cv = 0;               // coefficient of variation of the gaps between arrivals
  double peak_to_mean_minute = 1;  // arrivals of the busiest minute over those of the mean minute
  Summary think_s;                 // of turns that arrive after another's end
  Time tick;                       // of the recording clock; zero: not quantised
  Summary prompt_tokens, output_tokens;
  std::int64_t total_prompt_tokens = 0, total_output_tokens = 0;
  std::int64_t prompt_blocks = 0, unique_blocks = 0, unique_tokens = 0;
  double infinite_hit_rate_blocks = 0, infinite_hit_rate_tokens = 0;
  double mean_turn_hit_rate_blocks = 0, mean_turn_hit_rate_tokens = 0;  // infinite cache, each turn weighing the same
  std::int64_t distinct_first_blocks = 0;
  std::int64_t sessions = 0;
  std::int64_t multi_turn_sessions = 0;
  std::int64_t follow_up_turns = 0;
  Summary turns_of_multi_turn_sessions;
  double whole_answer_share = 0;  // of follow-ups: prompt >= parent prompt + answer - kEndMarkerTokens
  Summary growth_tokens;          // of follow-ups: prompt - (parent prompt + answer)
  Summary gap_s;                  // of follow-ups: between the arrivals of parent and child
};

// The workload is loaded with tick zero, so that arrivals stand as recorded.
TraceStatistics trace_statistics(const Workload& workload);

}  // namespace kvplan

// What the records of a run add up to: the one pass over requests that the
// verdict and the result document share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/layout.hpp"
#include "sim/result.hpp"
#include "traces/workload.hpp"

namespace kvplan {

inline constexpr std::size_t kRefusals = 5;  // members of Refusal
const char* name_of(Refusal);
const char* name_of(Outcome);

struct Totals {
  std::int64_t submitted = 0, completed = 0, refused = 0, unfinished = 0;
  std::int64_t refused_by[kRefusals] = {};
  std::int64_t refused_answers = 0;  // of those refused, that would have had a time per output token
  // Of completed requests.
  std::int64_t prompt_tokens = 0, output_tokens = 0;
  std::int64_t hit_g1_tokens = 0, hit_g2_tokens = 0, hit_ssd_tokens = 0, hit_remote_tokens = 0;
  std::int64_t computed_tokens = 0, recomputed_tokens = 0;
  // Samples in seconds, in turn order. TPOT = (finish - first token) / (output - 1), where output >= 2.
  std::vector<double> ttft_s, tpot_s, e2e_s, queue_s, load_s;
  double frontend_sum_s = 0, queue_sum_s = 0, load_sum_s = 0, prefill_sum_s = 0, recompute_sum_s = 0;
  // The run as users see it, of completed requests; zero when there are none.
  Time first_arrival, last_arrival, last_finish;  // and of what was computed in vain, for requests that ended refused
  Time last_moved;  // over any link, by then or later: what was computed is written to tiers in the background

  Time makespan() const { return last_finish - first_arrival; }
  Time moving_span() const { return std::max(last_finish, last_moved) - first_arrival; }
  Time arrival_span() const { return last_arrival - first_arrival; }
};

// GPUs that are paid for, as a mean over the run where they come and go. Those of decode replicas are of the first
// kind.
std::vector<double> mean_gpus_of_kind(const SimulationConfig&, const SimulationResult&);
double mean_gpus(const SimulationConfig&, const SimulationResult&);
double tpot_seconds(const RequestRecord&, const Turn&);  // output >= 2
Totals total(const Workload&, const SimulationResult&);

}  // namespace kvplan

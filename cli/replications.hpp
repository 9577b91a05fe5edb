// Replications: the same scenario with seeds of their own, and what they tell of how far a figure may be off.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/scenario.hpp"
#include "cli/text_grid.hpp"
#include "plan/steady.hpp"
#include "reports/cells.hpp"
#include "sim/result.hpp"
#include "traces/workload.hpp"

namespace kvplan {

// Replication n, counted from 0: its random draws come from the scenario's seed + n.
Scenario replication_of(const Scenario&, std::int64_t n);

// Whether two replications are one and the same load: then it has no random draws, and this is what to say of it, unless
// the fleet itself draws.
bool same_load(const Workload&, const Workload&);
bool draws(const SimulationConfig&);
inline constexpr const char* kNoRandomDraws =
    "neither load nor router draw at random, so that one replication is all there is (trace.users or trace.arrivals draw)";

// The turn with which the steady state begins, by MSER-5 on the TTFT of those that are served; not `found` where the
// load is too short to tell.
struct StartUp {
  TurnId end = 0;
  bool found = true;
};
StartUp start_up(const Workload&, const SimulationResult&);

// What the replications of one run say of its latencies, behind the start-up: of each mean and quantile its mean over
// the replications, with an interval from batches of consecutive requests (plan/steady.hpp), or, where these are too
// small, from the replications. Requests that were refused are left out, as in the result's latencies.
class Confidence {
 public:
  explicit Confidence(double level) : level_(level) {}
  void add(const Workload&, const SimulationResult&, const StartUp&);

  // Whether each interval is at most as wide as this share of its value to either side.
  bool within(double relative) const;
  // {level, replications, judged_requests: [by replication], start_up_found,
  //  latency: {ttft_s: {mean: {value, low, high}, p50, ...}, ...}}; low and high are null without an interval.
  Json document() const;

 private:
  std::vector<Estimated> pooled_figures() const;

  double level_;
  std::vector<std::vector<Estimated>> figures_;  // by figure, by replication
  std::vector<std::size_t> judged_;              // requests, by replication
  bool found_ = true;
};

// The documents' "confidence"; nothing when none has one.
std::vector<TitledRows> confidence_rows(const std::vector<Column>&);

// InputError, with how many replications it would take, where an interval is wider than asked.
void require_precision(const std::vector<Column>&, double relative);

}  // namespace kvplan

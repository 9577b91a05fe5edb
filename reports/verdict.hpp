// The answer before the numbers: did the fleet keep up, and what holds it back?
//
// The rule, in words (docs/results.md says the same):
// - The backlog grows when the mean number of requests in the system over the
//   last three tenths of the arrivals exceeds the mean over tenths three to five
//   by half, and by more than three times its square root (chance alone).
// - Requests wait when those that arrived in the last third spent more than a
//   tenth of their end-to-end time in queues: of the front end, of a replica, and
//   between a prefill and a decode replica.
// - overloaded: both, and completions per second stay below 0.9 of arrivals per second.
// - saturated: requests wait, and the backlog grows or the GPUs (of the busier of two
//   pools) are at least 95 % busy.
// - stable: anything else.
//
// The bottleneck is the first of these that holds: the front end, when more than half of
// that queueing is for it and the run is not stable; a link or memory that had a
// transfer running for most of the run, or compute that waited for loads; HBM
// capacity, when preemptions are common or a third of the computed tokens had been
// computed before; then prefill compute or decode bandwidth, whichever
// takes the larger part of the busy GPUs. Idle hardware has none.
#pragma once

#include <string>

#include "reports/totals.hpp"
#include "sim/config.hpp"

namespace kvplan {

enum class State { stable, saturated, overloaded };
const char* name_of(State);

struct Verdict {
  State state = State::stable;
  std::string reason;      // a sentence with the figures that decided
  std::string bottleneck;  // "none", "prefill compute", "link: node0 dram0", ...
  std::string bottleneck_reason;
};

Verdict judge(const Workload&, const SimulationConfig&, const SimulationResult&, const Totals&);

// GPU time that went into computing prompts, estimated from the step-time model at full batches.
TimeSum prefill_time(const Workload&, const SimulationConfig&, const SimulationResult&);
// Of each kind of replicas.
std::vector<TimeSum> prefill_times(const Workload&, const SimulationConfig&, const SimulationResult&);

}  // namespace kvplan

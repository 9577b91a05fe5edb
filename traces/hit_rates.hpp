// Hit rates of a trace by simulating a cache, for policies that have no
// one-pass curve. Semantics as in traces/stack_distance.hpp: one pool, turns in
// order, each instantaneous; a prompt looks up its longest resident prefix,
// then touches all its blocks; answers are not inserted.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "traces/stack_distance.hpp"

namespace kvplan {

struct HitRates {
  double tokens = 0;
  double blocks = 0;
};

// One result a capacity, in order; capacities run side by side on `threads` threads. Above the trace's own blocks a
// capacity is as good as endless. UsageError for an unknown policy.
std::vector<HitRates> simulated_hit_rates(const Workload&, const std::string& policy,
                                          std::span<const std::int64_t> capacities_blocks, TouchOrder order,
                                          unsigned threads);

// The same by the one-pass curve where there is one (lru), else by simulation.
std::vector<HitRates> hit_rates(const Workload&, const std::string& policy,
                                std::span<const std::int64_t> capacities_blocks, TouchOrder order, unsigned threads);

}  // namespace kvplan

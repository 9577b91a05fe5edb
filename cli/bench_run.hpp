// One scenario of the benchmark, measured in a process of its own, so that its
// peak memory is its own and the next one starts from fresh memory.
#pragma once

#include <nlohmann/json.hpp>

#include "cli/bench_scenarios.hpp"

namespace kvplan {

// {name, what, load, requests, load_s, load_bytes, wall_s{median, min, max, runs}, requests_per_s, events,
// events_per_s, ns_per_event, peak_bytes, digest, stepped{wall_s, ratio, same_digest} or null}. wall_s is one
// simulate(), its state built and freed; load_s is the way from names to a Workload, load_bytes its arrays.
// Error, with the child's reason, when it fails.
nlohmann::ordered_json measure(const BenchScenario&, int runs, std::ostream& err);

}  // namespace kvplan

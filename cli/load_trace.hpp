#pragma once

#include "cli/scenario.hpp"
#include "traces/workload.hpp"

namespace kvplan {

struct LoadCost;

// The load that a scenario names, or the sample that is compiled in, transformed as it says. Random
// draws come from the scenario's seed. InputError as traces/load.hpp says. `cost`: of reading a file.
Workload load_trace(const Scenario&, bool strict, LoadCost* cost = nullptr);

}  // namespace kvplan

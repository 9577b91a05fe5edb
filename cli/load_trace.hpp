#pragma once

#include "cli/scenario.hpp"
#include "traces/workload.hpp"

namespace kvplan {

// The load that a scenario names, or the sample that is compiled in, transformed as it says. Random
// draws come from the scenario's seed. InputError as traces/load.hpp says.
Workload load_trace(const Scenario&, bool strict);

}  // namespace kvplan

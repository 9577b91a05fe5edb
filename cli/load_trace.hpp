#pragma once

#include <ostream>

#include "cli/scenario.hpp"
#include "traces/workload.hpp"

namespace kvplan {

// The load that a scenario names, or the sample that is compiled in, transformed as it says. Random
// draws come from the scenario's seed. InputError as traces/load.hpp says. Taken from the disk where it was compiled
// before (cli/compiled_loads.hpp); what is wrong there is told to `err`.
Workload load_trace(const Scenario&, bool strict, std::ostream& err);

// What the scenario's options make of a compiled load: users, copies, arrivals and the like.
Workload transform_load(Workload, const Scenario&);

}  // namespace kvplan

// Nodes that fail or are drained during a run, and scaling: from a scenario to a SimulationConfig.
#pragma once

#include "cli/scenario.hpp"
#include "sim/config.hpp"

namespace kvplan {

// Fills in outages and scaling of a configuration whose replicas are placed. InputError at the place that set a value
// that is none, or that names a node which the fleet does not have.
void add_fleet_changes(SimulationConfig&, const Scenario&);

}  // namespace kvplan

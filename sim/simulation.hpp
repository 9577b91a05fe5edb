// One run of one scenario. Owns clock, queues and statistics: any number of
// simulations run side by side, on any threads, over one shared Workload.
#pragma once

#include "sim/config.hpp"
#include "sim/result.hpp"

namespace kvplan {

SimulationResult simulate(const Workload&, const SimulationConfig&);

}  // namespace kvplan

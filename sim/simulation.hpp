// One run of one scenario. Owns clock, queues and statistics: any number of
// simulations run side by side, on any threads, over one shared Workload.
#pragma once

#include "sim/config.hpp"
#include "sim/event_log.hpp"
#include "sim/executor.hpp"
#include "sim/result.hpp"

namespace kvplan {

// What happens is added to `log`, if there is one.
SimulationResult simulate(const Workload&, const SimulationConfig&, EventLog* log = nullptr);

// The same scheduling with `executor` in place of the cost model: one replica, step by step. What the cost model alone
// can tell stays 0: the use of links, and by how long a step waited for its own loads.
SimulationResult execute(const Workload&, const SimulationConfig&, Executor& executor);

}  // namespace kvplan

// One run of one scenario. Owns clock, queues and statistics: any number of
// simulations run side by side, on any threads, over one shared Workload.
#pragma once

#include "sim/config.hpp"
#include "sim/event_log.hpp"
#include "sim/executor.hpp"
#include "sim/result.hpp"
#include "sim/series.hpp"

namespace kvplan {

// What happens is added to `log`, and the fleet over time to `series`, if there is one.
SimulationResult simulate(const Workload&, const SimulationConfig&, EventLog* log = nullptr, Series* series = nullptr);

// The same scheduling with `executor` in place of the cost model: one replica, step by step. What the cost model alone
// can tell stays 0: the use of links, and by how long a step waited for its own loads.
SimulationResult execute(const Workload&, const SimulationConfig&, Executor& executor);

}  // namespace kvplan

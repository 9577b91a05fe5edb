// The log of a run as JSON lines, schema kvplan.events/1 (docs/event-log.md): a header with the limits that held, a
// line a turn with what was asked for, what happened, and a line a turn with what the simulation says of it.
#pragma once

#include <functional>
#include <string_view>

#include "sim/config.hpp"
#include "sim/event_log.hpp"
#include "sim/result.hpp"

namespace kvplan {

void write_events(const Workload&, const SimulationConfig&, const SimulationResult&, const EventLog&,
                  const std::function<void(std::string_view)>& write);

}  // namespace kvplan

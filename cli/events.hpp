// The log of a run's events: written beside its results, and checked.
#pragma once

#include <ostream>
#include <string>

#include "sim/config.hpp"
#include "sim/event_log.hpp"
#include "validate/run_check/check.hpp"

namespace kvplan {

// Writes events.jsonl into the folder, if there is one. `check`: an Error (internal) when the log breaks a rule.
void keep_events(const Workload&, const SimulationConfig&, const SimulationResult&, const EventLog&, bool check,
                 const std::string& folder, std::ostream& err);

// A line a rule, then the breaches.
std::string text_of(const run_check::Report&);

}  // namespace kvplan

// One point: a scenario with one hardware and one offload mode, from names to a
// result document. `run` and `sweep` are made of these.
#pragma once

#include "cli/build_config.hpp"
#include "reports/result_document.hpp"
#include "sim/event_log.hpp"
#include "sim/result.hpp"

namespace kvplan {

// By the scenario's names. InputError: a name that the library does not know
// is a finding at the place that set it.
Architecture load_model(const Scenario&);
Hardware load_hardware(const Scenario&, const std::string& name);

struct Replay {
  SimulationResult result;
  Json document;  // kvplan.result/1
};

// What happens is added to `log`, if there is one. `curves`: with the blocks that charts are drawn from.
Replay replay(const Scenario&, const Hardware&, const Architecture&, const Built&, const Workload&,
              EventLog* log = nullptr, bool curves = false);

// An error's text without its leading "error: ", for a place that says so itself.
std::string without_prefix(const std::string& what);

}  // namespace kvplan

// Step times as JSON, inside plans and predictions.
#pragma once

#include <nlohmann/json.hpp>

#include "sim/config.hpp"

namespace kvplan {

nlohmann::ordered_json step_times_json(const StepTimes&);
// Throws std::runtime_error or nlohmann::json::exception where something is missing, or is what no step takes.
StepTimes step_times_from(const nlohmann::ordered_json&);

}  // namespace kvplan

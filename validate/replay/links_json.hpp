// Links of which each route is alone (each_alone() in plan.hpp), inside plans and predictions.
#pragma once

#include <nlohmann/json.hpp>

#include "hardware/topology.hpp"

namespace kvplan {

nlohmann::ordered_json links_json(const NodeLinks&);
// Throws std::runtime_error or nlohmann::json::exception where something is missing, or is what no link has.
NodeLinks links_from(const nlohmann::ordered_json&);

}  // namespace kvplan

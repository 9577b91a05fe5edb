#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace kvplan {

// Indented JSON in which a long array of numbers takes one line, not one a number; ends with a newline.
std::string pretty(const nlohmann::ordered_json& document);

}  // namespace kvplan

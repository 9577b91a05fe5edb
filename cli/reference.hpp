// What the option table says, for editors and for people.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace kvplan {

nlohmann::ordered_json scenario_schema();  // JSON Schema, draft-07
std::string reference_markdown();          // docs/reference.md

}  // namespace kvplan

// Does a document keep to a JSON Schema (draft 7)?
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kvplan {

// What does not fit, each with the place in the document ("/links/0/name: ..."); empty when all does. `$ref` within the
// schema alone.
std::vector<std::string> schema_problems(const nlohmann::json& schema, const nlohmann::json& document);

}  // namespace kvplan

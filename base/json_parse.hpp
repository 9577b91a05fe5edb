// Text to a JSON value, and on request where each of its keys and values begins.
// JSON with // and /* */ comments; a duplicate key, anything after the value,
// numbers beyond a double and nesting deeper than 64 are errors.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/json_file.hpp"

namespace kvplan {

struct ParsedJson {
  nlohmann::json root;
  JsonPositions positions;
};

// Throws InputError with the first syntax error, or with all duplicate keys. `name` stands for the file in them.
ParsedJson parse_json(const std::string& text, const std::string& name, bool with_positions);

}  // namespace kvplan

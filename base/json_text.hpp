// The text of a JSON value that may hold what users and their systems named: a file's name need not be UTF-8, and a
// result about it is still written, with U+FFFD where a byte is none.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace kvplan {

template <class AnyJson>
std::string json_text(const AnyJson& value, int indent = -1) {
  return value.dump(indent, ' ', false, AnyJson::error_handler_t::replace);
}

}  // namespace kvplan

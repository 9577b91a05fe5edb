#include "traces/json_documents.hpp"

#include <fmt/format.h>

#include <sstream>

namespace kvplan {

std::string shown(const simdjson::dom::element& value) {
  if (value.is_array()) return "an array";
  if (value.is_object()) return "an object";
  std::ostringstream text;
  text << value;
  return shortened(text.str());
}

// A double in the shortest form that gives it back.
std::string number_text(const simdjson::dom::element& value) {
  double number = 0;
  if (value.type() == simdjson::dom::element_type::DOUBLE && value.get_double().get(number) == simdjson::SUCCESS) return fmt::format("{}", number);
  return shown(value);
}

std::string JsonDocument::parse(std::string_view text) {
  const auto error = parser_.parse(text.data(), text.size()).get(root_);
  return error == simdjson::SUCCESS ? "" : fmt::format("not valid JSON: {}", simdjson::error_message(error));
}

}  // namespace kvplan

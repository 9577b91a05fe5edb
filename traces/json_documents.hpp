// Whole JSON documents: a parser that says what is wrong with a text or a value.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "traces/values.hpp"

namespace kvplan {

// The value as it stands in the document, shortened.
std::string shown(const simdjson::dom::element& value);

// The number as text, for the parsers of traces/values.hpp; other values as shown().
std::string number_text(const simdjson::dom::element& value);

class JsonDocument {
 public:
  // "" or what is wrong. The document is valid until the next parse.
  std::string parse(std::string_view text);
  simdjson::dom::element root() const { return root_; }

 private:
  simdjson::dom::parser parser_;
  simdjson::dom::element root_;
};

}  // namespace kvplan

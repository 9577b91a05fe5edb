// Tells the format of a trace from its content.
#pragma once

#include <string>
#include <string_view>

namespace kvplan {

struct Recognised {
  std::string format;      // a name in traces/formats.hpp, or "" for what cannot be read
  std::string looks_like;  // what the text is, for an error: "a CSV file (columns a, b, c)"
  std::string help;
};

Recognised recognise_trace(std::string_view text);

}  // namespace kvplan

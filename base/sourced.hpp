#pragma once

#include <string>

namespace kvplan {

// A figure with the place it comes from, in SI units (bytes, seconds, FLOP/s, watts, USD).
struct Sourced {
  double value = 0;
  std::string source;  // with what was measured, and other figures there are
  std::string date = {};
  std::string confidence = {};  // read (in the source), digitised (from a figure), relayed, computed, assumed
};

}  // namespace kvplan

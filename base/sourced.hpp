#pragma once

#include <string>

namespace kvplan {

// A figure with the place it comes from, in SI units (bytes, seconds, FLOP/s, watts, USD).
struct Sourced {
  double value = 0;
  std::string source;
  std::string date;
};

}  // namespace kvplan

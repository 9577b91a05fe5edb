// A range that values are drawn from.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/random.hpp"

namespace kvplan {

// Either choices, or an interval with both ends included.
struct Range {
  std::vector<nlohmann::json> choices;
  double from = 0, to = 0;
  bool log = false;  // even over the logarithm; from > 0
  bool integer = false;

  // The value at u in [0, 1). Rounded to six significant digits (integers
  // beyond a million, and numbers), so that no last bit of a machine's
  // exp() reaches a scenario, and through it the name of a result.
  nlohmann::json at(double u) const;
};

// n independent draws.
std::vector<nlohmann::json> random_values(const Range&, std::int64_t n, RandomStream stream);

// One draw in each of n equal strata of the range, in random order.
std::vector<nlohmann::json> latin_values(const Range&, std::int64_t n, RandomStream stream);

}  // namespace kvplan

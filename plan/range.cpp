#include "plan/range.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <utility>

namespace kvplan {
namespace {

double six_digits(double x) { return std::strtod(fmt::format("{:.6g}", x).c_str(), nullptr); }

// RandomStream::unit() lies in (0, 1].
double below_one(RandomStream& stream) { return 1 - stream.unit(); }

}  // namespace

nlohmann::json Range::at(double u) const {
  if (!choices.empty()) {
    const double n = static_cast<double>(choices.size());
    return choices[static_cast<std::size_t>(std::min(std::floor(u * n), n - 1))];
  }
  const double end = integer ? to + 1 : to;  // each integer has a piece of the interval
  double x = log ? std::exp(std::log(from) + u * (std::log(end) - std::log(from))) : from + u * (end - from);
  if (integer) x = std::floor(x);
  if (!integer || x >= 1e6) x = six_digits(x);
  x = std::clamp(x, from, to);
  return integer ? nlohmann::json(static_cast<std::int64_t>(x)) : nlohmann::json(x);
}

std::vector<nlohmann::json> random_values(const Range& range, std::int64_t n, RandomStream stream) {
  std::vector<nlohmann::json> values;
  for (std::int64_t i = 0; i < n; ++i) values.push_back(range.at(below_one(stream)));
  return values;
}

std::vector<nlohmann::json> latin_values(const Range& range, std::int64_t n, RandomStream stream) {
  std::vector<std::int64_t> strata(static_cast<std::size_t>(n));
  std::iota(strata.begin(), strata.end(), 0);
  for (std::size_t i = strata.size(); i > 1; --i) std::swap(strata[i - 1], strata[stream.below(i)]);
  std::vector<nlohmann::json> values;
  for (const std::int64_t stratum : strata) {
    values.push_back(range.at((static_cast<double>(stratum) + below_one(stream)) / static_cast<double>(n)));
  }
  return values;
}

}  // namespace kvplan

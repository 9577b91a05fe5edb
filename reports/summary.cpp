#include "reports/summary.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.hpp"

namespace kvplan {
namespace {

// The index of the value in an ascending sample of n.
std::size_t index_of(double q, std::size_t n) {
  KVPLAN_ASSERT(n > 0 && q > 0 && q <= 1);
  // The product may land a hair above a whole rank (0.95 * 20); the slack takes that back.
  const double rank = std::ceil(q * static_cast<double>(n) - 1e-9);
  return static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
}

// Puts the value of that index in its place; those before `sorted` stand in theirs already.
double select_value(std::vector<double>& sample, std::size_t sorted, std::size_t index) {
  const auto at = [&](std::size_t i) { return sample.begin() + static_cast<std::ptrdiff_t>(i); };
  std::nth_element(at(sorted), at(index), sample.end());
  return sample[index];
}

}  // namespace

double nearest_rank(std::vector<double> sample, double q) {
  return select_value(sample, 0, index_of(q, sample.size()));
}

std::vector<double> nearest_ranks(std::vector<double> sample, const std::vector<double>& quantiles) {
  std::vector<double> values;
  std::size_t from = 0;
  for (const double q : quantiles) {
    const std::size_t index = index_of(q, sample.size());
    values.push_back(select_value(sample, from, index));
    from = index;
  }
  return values;
}

// Quantiles ascend, so that each is looked for only above the one before: no sample is sorted.
nlohmann::ordered_json summary(std::vector<double> sample) {
  nlohmann::ordered_json s;
  if (sample.empty()) {
    for (const char* key : {"mean", "p50", "p90", "p95", "p99", "max"}) s[key] = nullptr;
    return s;
  }
  s["mean"] = std::accumulate(sample.begin(), sample.end(), 0.0) / static_cast<double>(sample.size());
  std::size_t from = 0;
  constexpr std::pair<const char*, double> kQuantiles[] = {
      {"p50", 0.50}, {"p90", 0.90}, {"p95", 0.95}, {"p99", 0.99}, {"max", 1.0}};
  for (const auto& [key, q] : kQuantiles) {
    const std::size_t index = index_of(q, sample.size());
    s[key] = select_value(sample, from, index);
    from = index;
  }
  return s;
}

}  // namespace kvplan

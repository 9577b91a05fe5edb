#include "reports/summary.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace kvplan {

double nearest_rank(const std::vector<double>& sorted, double q) {
  KVPLAN_ASSERT(!sorted.empty() && q > 0 && q <= 1);
  // The product may land a hair above a whole rank (0.95 * 20); the slack takes that back.
  const double rank = std::ceil(q * static_cast<double>(sorted.size()) - 1e-9);
  return sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

nlohmann::ordered_json summary(std::vector<double> sample) {
  nlohmann::ordered_json s;
  if (sample.empty()) {
    for (const char* key : {"mean", "p50", "p90", "p95", "p99", "max"}) s[key] = nullptr;
    return s;
  }
  std::sort(sample.begin(), sample.end());
  double sum = 0;
  for (const double x : sample) sum += x;
  s["mean"] = sum / static_cast<double>(sample.size());
  s["p50"] = nearest_rank(sample, 0.50);
  s["p90"] = nearest_rank(sample, 0.90);
  s["p95"] = nearest_rank(sample, 0.95);
  s["p99"] = nearest_rank(sample, 0.99);
  s["max"] = sample.back();
  return s;
}

}  // namespace kvplan

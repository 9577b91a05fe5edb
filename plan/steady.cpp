#include "plan/steady.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

#include "base/error.hpp"
#include "reports/summary.hpp"

namespace kvplan {
namespace {

constexpr std::size_t kGroup = 5;
constexpr double kBeyondQuantile = 10;

// Half the width of the interval of a mean of n values with this sum of squared deviations.
double t_half_width(double squares, std::size_t n, double level) {
  const double degrees = static_cast<double>(n - 1);
  const double t = boost::math::quantile(boost::math::students_t(degrees), 0.5 + level / 2);
  return t * std::sqrt(squares / degrees / static_cast<double>(n));
}

double half_width(const std::vector<double>& values, double level) {
  const double mean = mean_of(values);
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return t_half_width(squares, values.size(), level);
}

double statistic_of(std::vector<double> sample, Statistic s, double q) {
  return s == Statistic::mean ? mean_of(sample) : nearest_rank(std::move(sample), q);
}

}  // namespace

double mean_of(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

WarmUp mser5(const std::vector<double>& observations) {
  KVPLAN_ASSERT(std::all_of(observations.begin(), observations.end(), [](double v) { return std::isfinite(v); }));
  std::vector<double> groups;
  for (std::size_t i = 0; i + kGroup <= observations.size(); i += kGroup) {
    groups.push_back(std::accumulate(observations.begin() + static_cast<std::ptrdiff_t>(i),
                                     observations.begin() + static_cast<std::ptrdiff_t>(i + kGroup), 0.0) /
                     kGroup);
  }
  if (groups.size() < 4) return {0, false};
  double sum = 0, squares = 0, best = 0;
  std::size_t best_cut = groups.size();
  const std::size_t half = groups.size() / 2;
  for (std::size_t i = groups.size(); i-- > 0;) {
    sum += groups[i];
    squares += groups[i] * groups[i];
    if (i > half) continue;
    const double n = static_cast<double>(groups.size() - i);
    const double error = std::max(0.0, squares - sum * sum / n) / (n * n);
    if (best_cut == groups.size() || error <= best) best = error, best_cut = i;
  }
  return {best_cut * kGroup, best_cut < half};
}

std::optional<Interval> t_interval(const std::vector<double>& values, double level) {
  if (values.size() < 2) return std::nullopt;
  const double mean = mean_of(values), half = half_width(values, level);
  return Interval{mean - half, mean + half};
}

Estimated estimate(const std::vector<double>& sample, Statistic s, double q, double level, std::size_t batches) {
  KVPLAN_ASSERT(!sample.empty() && batches >= 2);
  Estimated e{statistic_of(sample, s, q), std::nullopt};
  const std::size_t size = sample.size() / batches;
  const double beyond = static_cast<double>(size) * (1 - q);
  if (size < 10 || (s == Statistic::quantile && beyond < 1)) return e;
  std::vector<double> values;
  for (std::size_t b = 0; b < batches; ++b) {
    const auto from = sample.begin() + static_cast<std::ptrdiff_t>(b * size);
    values.push_back(statistic_of({from, from + static_cast<std::ptrdiff_t>(size)}, s, q));
  }
  if (std::any_of(values.begin(), values.end(), [](double v) { return !std::isfinite(v); })) return e;
  const double half = half_width(values, level);
  e.interval = Interval{e.value - half, e.value + half};
  return e;
}

Estimated pooled(const std::vector<Estimated>& each) {
  Estimated e;
  double squares = 0;
  bool all = true;
  const double n = static_cast<double>(each.size());
  for (const Estimated& x : each) {
    e.value += x.value / n;
    all = all && x.interval;
    if (x.interval) squares += x.interval->half_width() * x.interval->half_width();
  }
  const double half = std::sqrt(squares) / n;
  if (all && std::isfinite(e.value)) e.interval = Interval{e.value - half, e.value + half};
  return e;
}

std::size_t observations_for_quantile(double q) {
  return q >= 1 ? 1 : static_cast<std::size_t>(std::ceil(kBeyondQuantile / (1 - q) - 1e-9));
}

}  // namespace kvplan

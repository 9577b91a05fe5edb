#include "models/fitting/held_out.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>

namespace kvplan {
namespace {

constexpr double kTail = 0.05;  // on either side of a 90 % interval
constexpr std::size_t kLeastGroups = 20;  // for ranks
constexpr std::size_t kFewRows = 8, kFewGroups = 4;  // for a spread of their own

double quantile(std::vector<double>& x, double q) {
  const auto at = static_cast<std::ptrdiff_t>(std::clamp(std::ceil(q * static_cast<double>(x.size())) - 1, 0.0,
                                                         static_cast<double>(x.size() - 1)));
  std::nth_element(x.begin(), x.begin() + at, x.end());
  return x[static_cast<std::size_t>(at)];
}

struct Interval {
  double low = 0, high = 0;  // of log_error
};

using Chosen = std::function<bool(const Residual&)>;

struct Sample {
  std::vector<double> logs;
  std::set<std::size_t> groups;
};

Sample sample(std::span<const Residual> all, const Chosen& chosen) {
  Sample s;
  for (const Residual& r : all) {
    if (!chosen(r)) continue;
    s.logs.push_back(r.log_error);
    s.groups.insert(r.group);
  }
  return s;
}

// Too few for ranks: the prediction interval of a normal variable whose mean and spread are estimated. The rows of a
// group err together, so that groups count, and not rows.
Interval normal_interval(const Sample& s) {
  const auto n = static_cast<double>(s.logs.size()), g = static_cast<double>(s.groups.size());
  const double mean = std::accumulate(s.logs.begin(), s.logs.end(), 0.0) / n;
  double squares = 0;
  for (const double v : s.logs) squares += (v - mean) * (v - mean);
  const double t = boost::math::quantile(boost::math::students_t(std::max(1.0, g - 1)), 1 - kTail);
  const double half = t * std::sqrt(squares / std::max(1.0, n - 1) * (1 + 1 / g));
  return {mean - half, mean + half};
}

// One more row is to fall inside with 90 %: ranks of n + 1 (split conformal), which widens the interval of few rows.
Interval widened_interval(Sample s) {
  if (s.logs.empty()) return {};
  if (s.logs.size() > 1 && s.groups.size() < kLeastGroups) return normal_interval(s);
  std::vector<double>& x = s.logs;
  const auto n = static_cast<double>(x.size());
  const double rank = std::max(1.0, std::floor(kTail * (n + 1)));
  std::sort(x.begin(), x.end());
  return {x[static_cast<std::size_t>(rank) - 1], x[x.size() - static_cast<std::size_t>(rank)]};
}

// Of a regime, or of all where the regime has too few even for a spread: the others may be easier.
Interval interval(std::span<const Residual> all, std::size_t regime, const Chosen& chosen) {
  Sample s = sample(all, [&](const Residual& r) { return r.regime == regime && chosen(r); });
  if (s.logs.size() < kFewRows || s.groups.size() < kFewGroups) s = sample(all, chosen);
  return widened_interval(std::move(s));
}

void count_errors(Regime& g, std::span<const Residual> all, const Chosen& chosen) {
  std::vector<double> size, sign;
  std::set<std::size_t> groups;
  for (const Residual& r : all) {
    if (!chosen(r)) continue;
    const double error = std::exp(-r.log_error) - 1;
    size.push_back(std::abs(error));
    sign.push_back(error);
    groups.insert(r.group);
  }
  g.rows = static_cast<std::int64_t>(size.size());
  g.shapes = static_cast<std::int64_t>(groups.size());
  if (size.empty()) return;
  g.median_error = quantile(size, 0.5);
  g.p90_error = quantile(size, 0.9);
  g.bias = quantile(sign, 0.5);
}

}  // namespace

HeldOutErrors judge(const Form& form, std::span<const Residual> all, std::int32_t folds) {
  HeldOutErrors j;
  const Chosen any = [](const Residual&) { return true; };
  std::int64_t covered_of_all = 0;
  for (std::size_t regime = 0; regime < form.regime_starts.size(); ++regime) {
    Regime g;
    g.from = form.regime_starts[regime];
    count_errors(g, all, [&](const Residual& r) { return r.regime == regime; });
    const Interval i = interval(all, regime, any);
    g.low_factor = std::exp(i.low), g.high_factor = std::exp(i.high);
    std::int64_t covered = 0;
    for (std::int32_t fold = 0; fold < folds; ++fold) {
      const auto f = static_cast<std::size_t>(fold);
      const Interval others = interval(all, regime, [&](const Residual& r) { return r.fold != f; });
      covered += std::count_if(all.begin(), all.end(), [&](const Residual& r) {
        return r.regime == regime && r.fold == f && r.log_error >= others.low && r.log_error <= others.high;
      });
    }
    covered_of_all += covered;
    if (g.rows > 0) g.coverage = static_cast<double>(covered) / static_cast<double>(g.rows);
    j.regimes.push_back(g);
  }
  count_errors(j.overall, all, any);
  const Interval whole = widened_interval(sample(all, any));
  j.overall.low_factor = std::exp(whole.low), j.overall.high_factor = std::exp(whole.high);
  j.overall.coverage = static_cast<double>(covered_of_all) / static_cast<double>(all.size());
  return j;
}

}  // namespace kvplan

#include "cli/paired.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "plan/steady.hpp"
#include "reports/summary.hpp"

namespace kvplan {
namespace {

// Of a quantile's difference: centred at that of the whole samples, as wide as ten batches tell.
std::optional<Interval> of_quantile(const std::vector<double>& x, const std::vector<double>& y, double q,
                                    double level) {
  constexpr std::size_t kBatches = 10;
  const std::size_t size = x.size() / kBatches;
  if (static_cast<double>(size) * (1 - q) < 1) return std::nullopt;
  std::vector<double> each;
  for (std::size_t k = 0; k < kBatches; ++k) {
    const auto part = [&](const std::vector<double>& v) {
      const auto from = v.begin() + static_cast<std::ptrdiff_t>(k * size);
      return nearest_rank({from, from + static_cast<std::ptrdiff_t>(size)}, q);
    };
    each.push_back(part(y) - part(x));
  }
  const double half = t_interval(each, level)->half_width(), middle = nearest_rank(y, q) - nearest_rank(x, q);
  return Interval{middle - half, middle + half};
}

}  // namespace

Json paired_figures(const std::string& name, const std::vector<double>& a, const std::vector<double>& b, double level) {
  std::vector<double> x, y, difference;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) continue;
    x.push_back(a[i]), y.push_back(b[i]), difference.push_back(b[i] - a[i]);
  }
  Json rows = Json::array();
  if (x.empty()) return rows;
  const auto add = [&](const std::string& figure, double of_a, double of_b, const std::optional<Interval>& i) {
    rows.push_back({{"figure", figure},
                    {"a", of_a},
                    {"b", of_b},
                    {"difference", of_b - of_a},
                    {"low", i ? Json(i->low) : Json(nullptr)},
                    {"high", i ? Json(i->high) : Json(nullptr)},
                    {"significant", i ? Json(i->low > 0 || i->high < 0) : Json(nullptr)},
                    {"pairs", x.size()}});
  };
  const auto mean = [&](const std::vector<double>& v) { return estimate(v, Statistic::mean, 0, level).value; };
  add(name + " mean", mean(x), mean(y), estimate(difference, Statistic::mean, 0, level).interval);
  for (const double q : {0.5, 0.95})
    add(fmt::format("{} p{:g}", name, 100 * q), nearest_rank(x, q), nearest_rank(y, q), of_quantile(x, y, q, level));
  return rows;
}

}  // namespace kvplan

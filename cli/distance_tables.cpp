#include "cli/distance_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace kvplan {
namespace {

double relative_error(const double (&v)[2]) { return v[1] == 0 ? 0 : 100 * (v[0] - v[1]) / v[1]; }

// Absolute errors of one statistic over the splits: typical and worst.
template <class ErrorOf>
std::string spread(const Compared& compared, ErrorOf error_of) {
  std::vector<double> errors;
  for (const Distances& d : compared.splits) errors.push_back(std::abs(error_of(d)));
  std::sort(errors.begin(), errors.end());
  return fmt::format("{:>8.1f}{:>8.1f}", errors[errors.size() / 2], errors.back());
}

}  // namespace

std::string distance_table(const Distances& d, const char* what) {
  std::string text = fmt::format("{}\n  {:<24}{:>8}{:>12}{:>12}{:>9}{:>12}{:>12}{:>9}\n", what, "", "KS", "median",
                                 "of model", "error", "p90", "of model", "error");
  for (const Distance& q : d.quantities) {
    text += fmt::format("  {:<24}{:>8.3f}{:>12.6g}{:>12.6g}{:>8.1f}%{:>12.6g}{:>12.6g}{:>8.1f}%\n", q.what,
                        q.kolmogorov_smirnov, q.median[0], q.median[1], relative_error(q.median), q.p90[0], q.p90[1],
                        relative_error(q.p90));
  }
  return text + fmt::format("  {:<24}{:>20.4f}{:>12.4f}{:>8.2f} points\n", "hit rate, infinite cache",
                            d.infinite_hit_rate_tokens[0], d.infinite_hit_rate_tokens[1],
                            100 * (d.infinite_hit_rate_tokens[0] - d.infinite_hit_rate_tokens[1]));
}

std::string spread_table(const std::vector<Compared>& all) {
  std::string text =
      fmt::format("absolute errors over {} splits: typical (median) and worst\n", all.front().splits.size());
  for (const Compared& c : all) {
    text += fmt::format("{}\n  {:<24}{:>16}{:>16}\n", c.what, "", "median, %", "p90, %");
    for (std::size_t q = 0; q < c.splits.front().quantities.size(); ++q) {
      text += fmt::format("  {:<24}{}{}\n", c.splits.front().quantities[q].what,
                          spread(c, [&](const Distances& d) { return relative_error(d.quantities[q].median); }),
                          spread(c, [&](const Distances& d) { return relative_error(d.quantities[q].p90); }));
    }
    const auto points = [](const Distances& d) {
      return 100 * (d.infinite_hit_rate_tokens[0] - d.infinite_hit_rate_tokens[1]);
    };
    text += fmt::format("  {:<24}{} points\n", "hit rate, infinite cache", spread(c, points));
  }
  return text;
}

}  // namespace kvplan

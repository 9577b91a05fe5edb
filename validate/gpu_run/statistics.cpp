#include "validate/gpu_run/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace kvplan {
namespace {

// The value a fraction of the way through sorted samples, between neighbours in proportion.
double quantile(const std::vector<double>& sorted, double fraction) {
  const double at = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// How many samples to leave out on either side: the most whose tail of Binomial(n, 1/2) is at most 2.5 %.
std::size_t left_out(std::size_t n) {
  double term = std::pow(0.5, static_cast<double>(n)), tail = term;
  std::size_t out = 0;
  while (out < n / 2 && tail <= 0.025) {
    ++out;
    term *= static_cast<double>(n - out + 1) / static_cast<double>(out);
    tail += term;
  }
  return out;
}

}  // namespace

SampleSummary sample_summary(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t out = left_out(samples.size());
  const std::size_t low = out == 0 ? 0 : out - 1;
  return {quantile(samples, 0.5), quantile(samples, 0.1), quantile(samples, 0.9), samples[low],
          samples[samples.size() - 1 - low]};
}

double relative_half_width(const SampleSummary& s) { return (s.ci95_high - s.ci95_low) / (2 * s.median); }

LineFit fit_line(const std::vector<double>& amounts, const std::vector<double>& times) {
  double aa = 0, ab = 0, bb = 0, a = 0, b = 0;  // normal equations of fixed / t + per_unit x / t = 1
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    const double u = 1 / times[i], v = amounts[i] / times[i];
    aa += u * u;
    ab += u * v;
    bb += v * v;
    a += u;
    b += v;
  }
  const double determinant = aa * bb - ab * ab;
  LineFit fit{(a * bb - b * ab) / determinant, (aa * b - ab * a) / determinant, 0};
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    const double error = std::abs((fit.fixed + fit.per_unit * amounts[i]) / times[i] - 1);
    fit.largest_relative_error = std::max(fit.largest_relative_error, error);
  }
  return fit;
}

}  // namespace kvplan

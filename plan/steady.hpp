// Statistics of one run and of several: where the start-up ends, and how far a
// mean or a quantile may be off.
//
// Requests of one run are not independent, so nothing here treats them so:
// intervals come from the means (or quantiles) of consecutive batches, or of
// whole replications, by Student's t.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace kvplan {

struct Interval {
  double low = 0, high = 0;
  double half_width() const { return (high - low) / 2; }
};

// MSER-5 (White, 1997): the number of leading observations, a multiple of five, whose removal makes the standard
// error of the mean of the rest the smallest; looked for in the first half. `found` is false where the minimum lies at
// the end of that half: the sample is too short to tell the start-up from the rest. All observations are finite.
struct WarmUp {
  std::size_t cut = 0;
  bool found = true;
};
WarmUp mser5(const std::vector<double>& observations);

double mean_of(const std::vector<double>&);  // not of nothing

// Of the mean of independent values; nothing for fewer than two.
std::optional<Interval> t_interval(const std::vector<double>& values, double level);

enum class Statistic { mean, quantile };

// Mean or nearest-rank quantile q of a sample in the order of time, with the interval that `batches` consecutive
// batches give, centred at the value of the whole sample. No interval where a batch would hold fewer than
// ten observations, or too few beyond the quantile to have one. The sample is not empty.
struct Estimated {
  double value = 0;
  std::optional<Interval> interval;
};
Estimated estimate(const std::vector<double>& sample, Statistic, double q, double level, std::size_t batches = 10);

// The mean of what independent replications estimate, with the interval that theirs make; none where one has none.
Estimated pooled(const std::vector<Estimated>& each);

// Observations that quantile q needs so that at least ten lie beyond it.
std::size_t observations_for_quantile(double q);

}  // namespace kvplan

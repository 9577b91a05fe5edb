// Order statistics of repeated timings.
#pragma once

#include <cstddef>
#include <vector>

namespace kvplan {

// Samples of which an interval can be told; of fewer it is a range.
constexpr std::size_t kLeastForInterval = 6;

// Of samples in any one unit. The interval is distribution-free: the order statistics whose ranks cover the median in
// at least 95 % of draws (of 21 samples the 6th and the 16th); with fewer than six samples no ranks do, and it is the
// whole range, which covers it in 75 % of draws (of three) to 94 % (of five).
struct SampleSummary {
  double median = 0;
  double p10 = 0;
  double p90 = 0;
  double ci95_low = 0;
  double ci95_high = 0;
};

// Samples must not be empty.
SampleSummary sample_summary(std::vector<double> samples);

// Half the interval over the median; what decides whether more samples are worth their time.
double relative_half_width(const SampleSummary&);

// Least squares of relative errors of time = fixed + amount x per_unit: the fixed cost of an operation and the rate of
// what it moves. All amounts and times must be positive, two amounts different.
struct LineFit {
  double fixed = 0;
  double per_unit = 0;
  double largest_relative_error = 0;
};
LineFit fit_line(const std::vector<double>& amounts, const std::vector<double>& times);

}  // namespace kvplan

// Distributions of a positive quantity: lengths in tokens, turns, times in seconds.
#pragma once

#include <string>
#include <vector>

#include "base/random.hpp"

namespace kvplan {

// Of mean `shape`: Marsaglia and Tsang (2000); for a shape below 1 with their boost u^(1/shape).
double gamma_draw(RandomStream& stream, double shape);

struct Distribution {
  enum class Family { log_normal, gamma, empirical };

  Family family = Family::log_normal;
  double centre = 1;           // log-normal: median; gamma: mean
  double spread = 1;           // log-normal: sigma of the logarithm; gamma: coefficient of variation
  std::vector<double> values;  // empirical: ascending, equally likely; draws lie between neighbours

  double draw(RandomStream& stream) const;
  double cumulative(double x) const;   // P(X <= x)
  double log_density(double x) const;  // of the first two families, x > 0
  std::string text() const;            // as parse_distribution reads it; an empirical one is only named
};

// log-normal:MEDIAN,SIGMA | gamma:MEAN,CV | empirical:V1,V2,... | empirical:@FILE (numbers apart by blanks, commas or
// lines). UsageError otherwise.
Distribution parse_distribution(const std::string& text);

// Largest difference between the distribution and that of the ascending values.
double kolmogorov_smirnov(const Distribution&, const std::vector<double>& ascending);

struct FittedDistribution {
  Distribution distribution;
  double log_likelihood = 0;  // per value
  double kolmogorov_smirnov = 0;
};

// Maximum likelihood; at least one value, all positive.
FittedDistribution fit_log_normal(std::vector<double> values);
FittedDistribution fit_gamma(std::vector<double> values);

// Two log-normals by expectation and maximisation, the one of the lower median first.
struct FittedMixture {
  Distribution low, high;
  double high_share = 0;
  double log_likelihood = 0;  // per value
};
FittedMixture fit_mixture(std::vector<double> values);

}  // namespace kvplan

// OpenMetrics text with timestamps: families of counters, gauges and histograms, sampled at instants one step apart.
//
// A family stands in one piece, a series in it likewise, and its points ascend in time, as the format demands.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"

namespace kvplan {

// Instants of the run at which series are sampled: 0, step, 2 step, up to the first at or behind its end.
struct Instants {
  std::int64_t start_unix_s = 0, step_s = 15;
  std::size_t count = 1;

  Instants(std::int64_t start, std::int64_t step, Time end);
  std::size_t at_or_after(Time t) const;  // count when there is none
  Time instant(std::size_t i) const;  // the last may lie behind the end of the clock: then that
};

using Labels = std::string;                                   // model_name="x",engine="0"
Labels label(std::string_view name, std::string_view value);  // escaped

// What has been added up to each instant.
class Counts {
 public:
  explicit Counts(const Instants& when) : when_(&when), values_(when.count) {}
  void add(Time at, double amount);                  // from the first instant at or after `at` on
  void hold(Time from, Time to, double amount = 1);  // at instants in [from, to)
  std::vector<double> sums() const;

 private:
  const Instants* when_;
  std::vector<double> values_;  // by how much each instant exceeds the one before
};

class Buckets {
 public:
  Buckets(const Instants& when, std::span<const double> bounds);
  void observe(Time at, double value, double times = 1);
  const std::vector<double>& bounds() const { return bounds_; }
  const Counts& bucket(std::size_t i) const { return counts_[i]; }  // observations in it alone; the last has no bound
  const Counts& sum() const { return sum_; }

 private:
  std::vector<double> bounds_;
  std::vector<Counts> counts_;
  Counts sum_;
};

class Exposition {
 public:
  explicit Exposition(const Instants& when) : when_(when) {}

  // What follows, up to the next family, are its series. `type`: counter, gauge, histogram, unknown.
  void family(const std::string& name, const char* type, const std::string& help);
  void series(const Labels& labels, const std::vector<double>& values);  // of a counter, gauge or unknown
  void histogram(const Labels& labels, const Buckets& buckets);
  void info(const Labels& labels);  // of a gauge: 1 throughout

  std::int64_t samples() const { return samples_; }
  std::string finish() { return std::move(text_) + "# EOF\n"; }

 private:
  void points(const std::string& name, const Labels& labels, const std::vector<double>& values);

  const Instants& when_;
  std::string text_, name_, suffix_;
  std::int64_t samples_ = 0;
};

}  // namespace kvplan

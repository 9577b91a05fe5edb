// Axes of knots and blocks of features: the parts that forms are made of.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "models/operators/form.hpp"

namespace kvplan {

// Between knot `at` and the next, the share `above` of the way in log2.
struct Place {
  std::size_t at;
  double above;
};

class Axis {
 public:
  Axis(std::string label, std::vector<double> knots) : label_(std::move(label)), knots_(std::move(knots)) {
    for (const double k : knots_) log2_.push_back(std::log2(k));
  }
  std::size_t size() const { return knots_.size(); }
  std::string label(std::size_t i) const { return fmt::format("{}={:g}", label_, knots_[i]); }

  Place place(double log2_x) const {
    if (log2_x <= log2_.front()) return {0, 0};
    if (log2_x >= log2_.back()) return {log2_.size() - 2, 1};
    std::size_t i = 0;
    while (log2_x >= log2_[i + 1]) ++i;
    return {i, (log2_x - log2_[i]) / (log2_[i + 1] - log2_[i])};
  }

 private:
  std::string label_;
  std::vector<double> knots_, log2_;
};

// Consecutive features: one, one a knot, or one a pair of knots.
class Blocks {
 public:
  std::size_t scalar(const std::string& name) { return push({name}); }
  std::size_t along(const std::string& name, const Axis& a) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < a.size(); ++i) names.push_back(fmt::format("{} at {}", name, a.label(i)));
    return push(names);
  }
  std::size_t across(const std::string& name, const Axis& a, const Axis& b) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = 0; j < b.size(); ++j)
        names.push_back(fmt::format("{} at {}, {}", name, a.label(i), b.label(j)));
    }
    return push(names);
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::size_t push(const std::vector<std::string>& names) {
    const std::size_t start = names_.size();
    names_.insert(names_.end(), names.begin(), names.end());
    return start;
  }
  std::vector<std::string> names_;
};

inline void add_along(FeatureRow& row, std::size_t block, const Place& p, double x = 1) {
  row.add(block + p.at, (1 - p.above) * x);
  row.add(block + p.at + 1, p.above * x);
}

inline void add_across(FeatureRow& row, std::size_t block, const Place& a, const Place& b, std::size_t b_size) {
  add_along(row, block + a.at * b_size, b, 1 - a.above);
  add_along(row, block + (a.at + 1) * b_size, b, a.above);
}

// How much longer whole waves of tiles take than the tiles' work: waves x sms / tiles >= 1, in log2.
inline double wave_log2(double tiles, double sms) { return std::log2(std::ceil(tiles / sms) * sms / tiles); }

constexpr double kNsPerS = 1e9;

}  // namespace kvplan

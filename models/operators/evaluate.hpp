// A fit made ready to evaluate: no strings, no allocation.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "models/operators/form.hpp"

namespace kvplan {

struct Weights {
  Terms terms{};                     // of the roofline, not negative
  std::vector<double> coefficients;  // of the features; none where shapes were too few for them
};

// Sum of weighted terms; floor_ns is what its launch term gives.
struct Roofline {
  double ns, floor_ns;
};

inline Roofline roofline_of(const Form& form, const Peaks& peaks, const Terms& weights, const Shape& shape) {
  Terms t{};
  form.terms(shape, peaks, t);
  double ns = 0;
  for (std::size_t i = 0; i < form.term_names.size(); ++i) ns += weights[i] * t[i];
  return {ns, weights[0] * t[0]};
}

// log(ns / roofline) of a shape inside the measured range.
inline double correction(const Form& form, const Peaks& peaks, const Roofline& roofline, const Shape& shape,
                         std::span<const double> coefficients) {
  if (coefficients.empty()) return 0;
  FeatureRow row;
  form.features(shape, peaks, roofline.ns, roofline.floor_ns, row);
  double sum = 0;
  for (std::size_t i = 0; i < row.size; ++i) sum += coefficients[static_cast<std::size_t>(row.index[i])] * row.value[i];
  return sum;
}

inline double predict_ns(const Form& form, const Peaks& peaks, const Weights& w, const Shape& shape) {
  const Roofline r = roofline_of(form, peaks, w.terms, shape);
  return r.ns * std::exp(correction(form, peaks, r, shape, w.coefficients));
}

}  // namespace kvplan

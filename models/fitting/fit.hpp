// Fits one operator's form to measured times, and judges the fit on shapes that it has not seen.
//
// 1. The roofline's weights: non-negative least squares on relative errors.
// 2. The features' coefficients: least squares on log(time / roofline), made
//    robust (Huber, 1.5 sigma) and weakly drawn to 0, so that a coefficient with
//    little data stays near the roofline.
// 3. k folds over groups (all rows of one (n, k), one configuration of heads, one
//    message size), each predicted by a fit without it, both steps included. From
//    these errors come the table of errors and the 90 % interval of each regime.
//    The coverage told is of intervals made from the other folds.
// With fewer than ten groups there are no features, but the roofline's core terms alone, and each group is held out in
//    turn. Attention of few configurations of heads is held out by its sizes instead.
// 4. A bootstrap over groups gives each coefficient its interval; of a core fit at the peaks that it found.
#pragma once

#include <string>
#include <vector>

#include "models/fitting/table.hpp"
#include "models/operators/calibration.hpp"

namespace kvplan {

// Two times of one shape that differ by a greater factor contradict each other.
inline constexpr double kContradiction = 1.25;

struct FitOptions {
  std::int32_t folds = 5;
  std::int32_t bootstraps = 60;
  std::uint64_t seed = 1;
};

// What held-out rows showed; for tests and tables beyond what a calibration keeps.
struct HeldOut {
  std::size_t row;
  double predicted_ns;
};

struct FitResult {
  OperatorFit fit;
  std::vector<HeldOut> held_out;
  std::vector<std::string> warnings;
};

// InputError: rows faster than the data sheet allows (a wrong unit), the same shape with contradicting times, too few
// groups to hold any out. Warnings: duplicates that agree, outliers by name, coefficients that no row determines.
FitResult fit_operator(const MeasuredSet& measured, const Peaks& peaks, const FitOptions& options);

}  // namespace kvplan

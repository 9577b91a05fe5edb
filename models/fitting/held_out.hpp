// Errors and intervals from shapes that a fit has not seen.
#pragma once

#include <span>
#include <vector>

#include "models/operators/calibration.hpp"

namespace kvplan {

struct Residual {
  double log_error;    // log(measured / predicted)
  std::size_t regime;  // of Form::regime_starts
  std::size_t group, fold;
};

// One a regime, in order; `overall` pools them. The interval is of ranks; with fewer than 20 groups that of a normal
// variable; with fewer than 8 rows or 4 groups that of all regimes.
struct HeldOutErrors {
  std::vector<Regime> regimes;
  Regime overall;
};

HeldOutErrors judge(const Form&, std::span<const Residual>, std::int32_t folds);

}  // namespace kvplan

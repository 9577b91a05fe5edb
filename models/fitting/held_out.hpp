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

// One a regime, in order; `overall` pools them. A regime with fewer than 20 rows takes the interval of all.
struct Judged {
  std::vector<Regime> regimes;
  Regime overall;
};

Judged judge(const Form&, std::span<const Residual>, std::int32_t folds);

}  // namespace kvplan

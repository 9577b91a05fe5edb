// Fits the overhead constants of one server to measured TTFT and TPOT.
//
// Robust least squares (Huber) on the logarithms of predicted / measured, by Gauss-Newton steps
// with Levenberg's damping; each evaluation simulates every row. Rows beyond the
// front end's limits, by the model's own prediction, are left out. Both with a place for every client and with one
// kept free; the latter only where it takes a fifth off the loss.
#pragma once

#include <vector>

#include "validate/server_model.hpp"

namespace kvplan {

struct OverheadFit {
  Overheads value;
  Overheads low, high;  // 90 % interval of each constant, from the fit's curvature and its residuals
  std::size_t rows = 0;
  std::vector<std::string> undetermined;  // constants, or pairs of them, that the rows do not tell (apart)
  // Factors on a prediction between which 90 % of the fitted rows lie, conformal for that many rows.
  double ttft_low = 1, ttft_high = 1;
  double tpot_low = 1, tpot_high = 1;
  double e2e_low = 1, e2e_high = 1;
};

// InputError when there are fewer than 8 rows to fit four constants to. `fitted` are of one server.
OverheadFit fit_overheads(const std::vector<ServerPoint>& fitted, const Benchmark&, unsigned threads);

// Whether the prediction lies beyond what the host front end is known to do.
bool frontend_bound(const ServerFigures&, const Benchmark&);

// The (isl, osl) combinations of a server in sorted order, every second of them from the first on: true for a row
// that is fitted.
std::vector<bool> every_second_combination(const std::vector<ServerRow>&);

}  // namespace kvplan

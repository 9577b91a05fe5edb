#include "models/overheads.hpp"

#include <cmath>

namespace kvplan {
namespace {

std::int64_t ps(double s) { return std::llround(s * static_cast<double>(kPsPerS)); }

// f(x) + fixed + row * x.
PiecewiseLinear raised(const PiecewiseLinear& f, std::int64_t fixed, std::int64_t row) {
  std::vector<PiecewiseLinear::Piece> pieces = f.pieces();
  for (PiecewiseLinear::Piece& p : pieces) {
    p.start_ps += fixed + row * p.from;
    p.slope_ps += row;
  }
  return PiecewiseLinear(std::move(pieces));
}

}  // namespace

StepTime with_overheads(const StepTime& kernels, const Overheads& o, double activation_row_s) {
  StepTime t = kernels;
  t.base = raised(kernels.base, ps(o.step_s), ps((o.activations - 1) * activation_row_s));
  t.head = raised(kernels.head, 0, ps(o.sequence_s));
  t.host_ps += ps(o.step_s);
  t.host_sample_ps += ps(o.sequence_s);
  return t;
}

}  // namespace kvplan

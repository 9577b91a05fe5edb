#include "plan/step_draw.hpp"

#include <cmath>

#include "base/error.hpp"

namespace kvplan {
namespace {

double drawn(std::int64_t low, std::int64_t central, std::int64_t high, double z) {
  const auto center = static_cast<double>(central), end = static_cast<double>(z < 0 ? low : high);
  return center > 0 && end > 0 ? center * std::pow(end / center, std::abs(z) / kNormal90) : center;
}

PiecewiseLinear drawn(const PiecewiseLinear& low, const PiecewiseLinear& central, const PiecewiseLinear& high,
                      double z) {
  if (z == 0) return central;
  std::vector<PiecewiseLinear::Piece> pieces = central.pieces();
  KVPLAN_ASSERT(low.pieces().size() == pieces.size() && high.pieces().size() == pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const PiecewiseLinear::Piece &l = low.pieces()[i], &c = central.pieces()[i], &h = high.pieces()[i];
    KVPLAN_ASSERT(l.from == c.from && h.from == c.from);
    const std::int64_t length = i + 1 < pieces.size() ? pieces[i + 1].from - c.from : c.from + 1;
    const auto at_end = [&](const PiecewiseLinear::Piece& p) { return p.start_ps + p.slope_ps * length; };
    const double start = drawn(l.start_ps, c.start_ps, h.start_ps, z), end = drawn(at_end(l), at_end(c), at_end(h), z);
    pieces[i] = {c.from, std::llround(start), std::llround((end - start) / static_cast<double>(length))};
  }
  return PiecewiseLinear(std::move(pieces));
}

}  // namespace

StepTime drawn(const StepTime& low, const StepTime& central, const StepTime& high, const StepDraw& draw) {
  const auto figure = [&](std::int64_t StepTime::* of, double z) {
    return std::llround(drawn(low.*of, central.*of, high.*of, z));
  };
  StepTime t = central;
  t.base = drawn(low.base, central.base, high.base, draw.base);
  t.head = drawn(low.head, central.head, high.head, draw.head);
  t.context_ps = figure(&StepTime::context_ps, draw.context);
  t.pair_ps = figure(&StepTime::pair_ps, draw.pair);
  t.host_ps = figure(&StepTime::host_ps, draw.base);
  t.host_sample_ps = figure(&StepTime::host_sample_ps, draw.head);
  return t;
}

}  // namespace kvplan

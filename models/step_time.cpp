#include "models/step_time.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace kvplan {

PiecewiseLinear::PiecewiseLinear(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
  KVPLAN_ASSERT(!pieces_.empty() && pieces_.front().from == 0);
  KVPLAN_ASSERT(std::is_sorted(pieces_.begin(), pieces_.end(), [](auto& a, auto& b) { return a.from < b.from; }));
}

PiecewiseLinear PiecewiseLinear::through(const std::vector<std::int64_t>& x, const std::vector<double>& ps) {
  KVPLAN_ASSERT(x.size() == ps.size() && !x.empty() && x.front() == 0);
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::int64_t slope = pieces.empty() ? 0 : pieces.back().slope_ps;
    if (i + 1 < x.size()) slope = std::llround((ps[i + 1] - ps[i]) / static_cast<double>(x[i + 1] - x[i]));
    pieces.push_back({x[i], std::llround(ps[i]), slope});
  }
  return PiecewiseLinear(std::move(pieces));
}

std::int64_t PiecewiseLinear::operator()(std::int64_t x) const {
  std::size_t i = pieces_.size() - 1;
  while (i > 0 && pieces_[i].from > x) --i;
  const Piece& p = pieces_[i];
  return p.start_ps + p.slope_ps * (x - p.from);
}

PiecewiseLinear PiecewiseLinear::scaled(double factor) const {
  std::vector<Piece> pieces = pieces_;
  for (Piece& p : pieces) {
    p.start_ps = std::llround(static_cast<double>(p.start_ps) * factor);
    p.slope_ps = std::llround(static_cast<double>(p.slope_ps) * factor);
  }
  return PiecewiseLinear(std::move(pieces));
}

StepTime StepTime::scaled(double factor) const {
  StepTime s = *this;
  s.base = base.scaled(factor);
  s.head = head.scaled(factor);
  s.context_ps = std::llround(static_cast<double>(context_ps) * factor);
  s.pair_ps = std::llround(static_cast<double>(pair_ps) * factor);
  return s;
}

}  // namespace kvplan

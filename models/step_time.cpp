#include "models/step_time.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.hpp"

namespace kvplan {

PiecewiseLinear::PiecewiseLinear(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
  KVPLAN_ASSERT(!pieces_.empty() && pieces_.front().from == 0);
  KVPLAN_ASSERT(std::is_sorted(pieces_.begin(), pieces_.end(), [](auto& a, auto& b) { return a.from < b.from; }));
  const auto last = static_cast<std::size_t>(pieces_.back().from);
  shift_ = std::max(0, static_cast<int>(std::bit_width(last)) - 12);
  std::uint32_t piece = 0;
  for (std::size_t x = 0; x <= std::max(last, kDirect); x = x < kDirect ? x + 1 : ((x >> shift_) + 1) << shift_) {
    while (piece + 1 < pieces_.size() && static_cast<std::size_t>(pieces_[piece + 1].from) <= x) ++piece;
    if (x == kDirect) beyond_direct_ = first_piece_.size() - (x >> shift_);
    first_piece_.push_back(piece);
  }
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

PiecewiseLinear PiecewiseLinear::scaled(double factor) const {
  std::vector<Piece> pieces = pieces_;
  for (Piece& p : pieces) {
    p.start_ps = std::llround(static_cast<double>(p.start_ps) * factor);
    p.slope_ps = std::llround(static_cast<double>(p.slope_ps) * factor);
  }
  return PiecewiseLinear(std::move(pieces));
}

PiecewiseLinear PiecewiseLinear::raised(std::int64_t ps) const {
  std::vector<Piece> pieces = pieces_;
  for (Piece& p : pieces) p.start_ps += ps;
  return PiecewiseLinear(std::move(pieces));
}

PiecewiseLinear PiecewiseLinear::steeper(std::int64_t ps) const {
  std::vector<Piece> pieces = pieces_;
  for (Piece& p : pieces) p.start_ps += ps * p.from, p.slope_ps += ps;
  return PiecewiseLinear(std::move(pieces));
}

StepTime StepTime::delayed(std::int64_t ps) const {
  StepTime s = *this;
  s.base = base.raised(ps);
  return s;
}

StepTime StepTime::scaled(double factor) const {
  StepTime s = *this;
  s.base = base.scaled(factor);
  s.head = head.scaled(factor);
  s.context_ps = std::llround(static_cast<double>(context_ps) * factor);
  s.pair_ps = std::llround(static_cast<double>(pair_ps) * factor);
  s.host_ps = std::llround(static_cast<double>(host_ps) * factor);
  s.host_sample_ps = std::llround(static_cast<double>(host_sample_ps) * factor);
  s.sequence_ps = std::llround(static_cast<double>(sequence_ps) * factor);
  return s;
}

}  // namespace kvplan

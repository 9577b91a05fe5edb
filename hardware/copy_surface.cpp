#include "hardware/copy_surface.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace kvplan {
namespace {

using Point = CopySurface::Point;

double between(double x, double x0, double y0, double x1, double y1) {
  const double share = std::log(x / x0) / std::log(x1 / x0);
  return std::exp(std::log(y0) + share * (std::log(y1) - std::log(y0)));
}

// Of the points of one count.
double rate_at(const Point* first, const Point* end, double segment) {
  const auto bytes = [](const Point* p) { return static_cast<double>(p->segment_bytes); };
  if (segment <= bytes(first)) return first->bytes_per_s * segment / bytes(first);
  for (const Point* p = first + 1; p != end; ++p) {
    if (segment <= bytes(p)) return between(segment, bytes(p - 1), (p - 1)->bytes_per_s, bytes(p), p->bytes_per_s);
  }
  return (end - 1)->bytes_per_s;
}

}  // namespace

double CopySurface::copy_s(std::int64_t segment_bytes, std::int64_t count) const {
  KVPLAN_ASSERT(!points.empty() && segment_bytes > 0 && count > 0);
  const auto segment = static_cast<double>(segment_bytes), n = static_cast<double>(count);
  double rate = 0, before_count = 0, before_rate = 0;
  for (const Point *first = points.data(), *last = first + points.size(); first != last;) {
    const Point* end = std::find_if(first, last, [&](const Point& p) { return p.count != first->count; });
    const double of = static_cast<double>(first->count), r = rate_at(first, end, segment);
    if (n <= of) {
      rate = before_rate > 0 ? between(n, before_count, before_rate, of, r) : r;
      break;
    }
    rate = r, before_count = of, before_rate = r;
    first = end;
  }
  return n * segment / rate;
}

bool CopySurface::covers(std::int64_t segment_bytes) const {
  std::int64_t least = points.front().segment_bytes, most = least;
  for (const Point& p : points) least = std::min(least, p.segment_bytes), most = std::max(most, p.segment_bytes);
  return segment_bytes * 2 >= least && segment_bytes <= 2 * most;
}

}  // namespace kvplan

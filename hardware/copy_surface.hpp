// What copies of many equal segments were measured to take: by method, direction, bytes of a segment and how many there
// are. A cliff, such as that of batched DMA below 28 KiB, forbids a formula: points stay points, and between them the
// rate is a power law (linear in the logarithms), first in the segment, then in the count.
//
// Beyond the points: smaller segments take what the smallest takes each, larger ones come at the largest's rate, and of
// counts the nearest holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/sourced.hpp"

namespace kvplan {

struct CopySurface {
  struct Point {
    std::int64_t segment_bytes = 0, count = 0;
    double bytes_per_s = 0;
  };
  std::string method;     // "batch": one batched submission; "kernel": an SM kernel
  std::string link_kind;  // by name, in the hardware file
  bool to_device = true;
  Sourced source;             // its value is not used
  std::vector<Point> points;  // ascending by count, then by segment; at least one

  double copy_s(std::int64_t segment_bytes, std::int64_t count) const;
  bool covers(std::int64_t segment_bytes) const;  // within the points, or not beyond them by more than a factor of two
  std::int64_t least_count() const { return points.front().count; }
};

}  // namespace kvplan

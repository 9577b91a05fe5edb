// What the segment copy kernel is given.
#pragma once

#include <cstddef>

namespace kvplan::gpu {

struct SegmentCopy {
  void* const* to;            // [segments], both tables on the device
  const void* const* from;    // [segments]
  std::size_t segment_bytes;  // a multiple of 16, as are the addresses
  int segments;
};

}  // namespace kvplan::gpu

// What moves between two memories, as one job.
#pragma once

#include <cstdint>
#include <vector>

#include "base/units.hpp"
#include "traces/prefix_chains.hpp"
#include "traces/workload.hpp"  // kNone

namespace kvplan {

using Ranges = std::vector<BlockRange>;

struct Transfer {
  std::uint32_t sequence = kNone;  // whose load it is
  Ranges ranges;
  Ranges promoted;  // of a load from G3 or G4: what it leaves in G2 as well
  bool answer = false;  // of a store: what it brings is an answer's
  Bytes bytes_per_gpu{0};
  std::int64_t segments = 0;
};

}  // namespace kvplan

// Whether a workload that was read from a file keeps the invariants of traces/workload.hpp, but for the order of
// arrivals, on which no simulation relies.
#pragma once

#include "traces/workload.hpp"

namespace kvplan {

// std::runtime_error that names the block or the turn that does not.
void require_well_formed(const Workload&);

}  // namespace kvplan

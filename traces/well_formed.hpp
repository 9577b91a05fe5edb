// Whether a workload that was read from a file keeps the invariants of traces/workload.hpp.
#pragma once

#include "traces/workload.hpp"

namespace kvplan {

// std::runtime_error that names the block or the turn that does not.
void require_well_formed(const Workload&);

}  // namespace kvplan

// What came out of a simulation, in twelve digits.
#pragma once

#include <string>

#include "sim/result.hpp"

namespace kvplan {

// Of every request's record, the counters and the links, as integers, without `events`: equal digests, equal
// results. Stepping one by one gives the same digest.
std::string digest_of(const SimulationResult&);

}  // namespace kvplan

// Traces whose clock is coarse record many arrivals at one instant. Replayed as
// they stand, they arrive as bursts that never were; so they are spread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/units.hpp"

namespace kvplan {

// The width of the clock's ticks, or zero when arrivals are not quantised.
// Quantised means: at least three distinct instants, on average shared by two
// arrivals or more, whose distances are multiples of one width above 1 ms
// (within 1 %, for 95 % of them). Times ascend.
Time detect_tick(std::span<const Time> times);

// Draws each arrival uniformly inside [its tick, tick + width), never beyond the
// next recorded instant; the draws of a tick are sorted, so that order is kept.
std::vector<Time> spread_inside_ticks(std::span<const Time> times, Time width, std::uint64_t seed);

}  // namespace kvplan

// A workload made of another's turns: some left out, some repeated, at other
// times. All transformations that choose or move turns are a list of placements.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "traces/workload.hpp"

namespace kvplan {

// One turn of the result. `after` and `join` of the arrival count placements, not turns.
// The copies of a turn differ in `copy`: the blocks of copy 0 are the source's,
// those of other copies are fresh, except the ones that several of the source's
// sessions share (a common system prompt), which all copies share, too.
struct Placement {
  TurnId source = kNone;
  std::uint32_t copy = 0;
  Time at{0};  // when it arrives on the recorded timeline; decides the order of turns
  Arrival arrival;
};

// Turns stand in order of `at`, ties in order of placements; a placement that
// another arrives after must not be later than it in that order. A turn continues
// the one it continues in the source, of the same copy, or starts a session where
// that is left out.
Workload rearrange(const Workload& source, const std::vector<Placement>& placements);

// Bytes that a load like this takes while it is put together, at the least.
double memory_of(const Workload&);

// The workload as it is: one placement for each turn, in order.
std::vector<Placement> placements_of(const Workload&);

// When a turn arrives, given when others end.
template <class End>
Time arrival_on_timeline(const Arrival& arrival, End end) {
  if (arrival.after == kNone) return arrival.time;
  const Time alone = std::max(end(arrival.after) + arrival.time, arrival.not_before);
  return arrival.join == kNone ? alone : std::max(alone, end(arrival.join));
}

// When each turn arrives if every turn takes its recorded service time.
std::vector<Time> recorded_timeline(const Workload&);

// Turns that belong together, in order: connected through `continues` or through
// arrivals after one another. Groups stand in order of their first turns.
std::vector<std::vector<TurnId>> groups_of_turns(const Workload&);

}  // namespace kvplan

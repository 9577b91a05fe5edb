// What any server has to do for a load, whatever its scheduler, caches and
// router: the half of the bounds (plan/bounds.hpp) that no machine enters.
//
// A block is *single-file* when the turns that hold it (in prompt or answer)
// form one chain, each arriving after the one before has ended. Of such blocks
// it is certain that
//   - the first turn of the chain computes it (unless an answer generated it);
//   - no two sequences that hold it run at once: each holds pages of its own;
//   - a later turn finds it only if it stayed resident for the whole think time
//     before that turn: tokens x think time of cache space.
// Any other block may be a hit at no cost, once somebody has computed it.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/slo.hpp"
#include "traces/workload.hpp"

namespace kvplan {

struct TurnFacts {
  double prompt = 0, output = 0;
  double computed = 0;  // tokens that this turn and no other must compute
  double reused = 0;    // tokens of single-file blocks that an earlier turn left behind
  double free = 0;      // tokens of blocks that are not single-file
  double gap_s = 0;     // think time before it
};

struct LoadFacts {
  std::vector<TurnFacts> turns;         // of those that are served, in the order of turns
  std::vector<std::uint32_t> turn_ids;  // which those are
  std::int64_t refused = 0;
  double prompt_tokens = 0;
  double decoded_tokens = 0;   // outputs beyond the first token of each turn
  double decode_private = 0;   // sum over them of the tokens attended to that no concurrent sequence shares
  double shared_computed = 0;  // tokens of blocks that are not single-file, each once: somebody computes them
};

// Without the turns whose prompt and output exceed `most_tokens`: they are refused, and need nothing.
LoadFacts facts_of(const Workload&, std::int64_t most_tokens);

// When the first turn arrives. Traces may begin at any time of day: how long a load takes counts from here.
Time first_arrival(const Workload&);

// Seconds from the first turn that is served to the end of the last one if each takes its pace; nothing without one.
// Turns of more than `most_tokens` are refused, and take no time.
std::optional<double> time_at_pace(const Workload&, const Pace&, std::int64_t most_tokens);

// A fleet keeps up when it has served the whole load within this factor of time_at_pace().
inline constexpr double kPaceSlack = 1.1;

}  // namespace kvplan

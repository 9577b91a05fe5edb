// Whether a request loads what the tiers below hold of its prompt, or computes it
// again, or both: the leading part computed while the rest loads.
//
// All times are estimates made when the request is admitted, in integers:
// - a load ends when the slowest tier's part has: what is queued ahead on its
//   route, then its segments, then its bytes at the fair share that the route's
//   links would give one more flow now;
// - a prefill takes steps of the whole budget beside the sequences that decode
//   now, without copies that slow it;
// - the tokens behind the hits are computed last, in either case.
// Whoever else waits, or comes later, is not foreseen.
#pragma once

#include <cstdint>

#include "base/units.hpp"

namespace kvplan {

// Of one request: `blocks` leading blocks of what the tiers have are computed again, the others are loaded.
struct LoadDecision {
  std::int64_t computed_blocks = 0;
  Time chosen{0}, all_loaded{0}, all_computed{0};  // estimates until the whole prompt is computed
};

// Over a whole run. The times are estimates, summed over requests that had something to load.
struct LoadChoices {
  std::int64_t loaded = 0, recomputed = 0, partial = 0;  // requests
  std::int64_t recomputed_tokens = 0;                    // that a tier below held
  TimeSum saved_against_loading, saved_against_recomputing;

  void add(const LoadDecision& d, std::int64_t blocks, std::int64_t block_tokens) {
    ++(d.computed_blocks == 0 ? loaded : d.computed_blocks == blocks ? recomputed : partial);
    recomputed_tokens += d.computed_blocks * block_tokens;
    saved_against_loading += d.all_loaded - d.chosen;
    saved_against_recomputing += d.all_computed - d.chosen;
  }
};

}  // namespace kvplan

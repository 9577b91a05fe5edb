#include <algorithm>

#include "validate/twin/eviction.hpp"

namespace kvplan::twin {

// Belady's: what the first turn to come that uses the block has the highest number goes first, and what none uses
// before all else.
Ranking rank_by_next_use(const Workload& load, const Past& past) {
  return [&load, &past](BlockId b, std::int64_t, const Use&, const Rank&) {
    TurnId next = 0;
    const auto uses = [&](const Turn& t) {
      const auto blocks = load.blocks(t);
      return std::find(blocks.begin(), blocks.end(), b) != blocks.end();
    };
    const auto arrived = [&](TurnId t) {
      return std::any_of(past.begin(), past.end(), [&](const Seen& seen) { return seen.turn == t; });
    };
    while (next < load.turns.size() && (!uses(load.turns[next]) || arrived(next))) ++next;
    return Rank{-static_cast<std::int64_t>(next)};
  };
}

}  // namespace kvplan::twin

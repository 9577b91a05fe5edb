#include <algorithm>

#include "validate/twin/eviction.hpp"

namespace kvplan::twin {

// Belady's: what the first turn to come that uses the block has the highest number goes first, and what none uses
// before all else.
Ranking rank_by_next_use(const Workload& load, const std::set<TurnId>& arrived) {
  return [&load, &arrived](BlockId b, std::int64_t, const Use&) {
    TurnId next = 0;
    const auto uses = [&](const Turn& t) {
      const auto blocks = load.blocks(t);
      return std::find(blocks.begin(), blocks.end(), b) != blocks.end();
    };
    while (next < load.turns.size() && (arrived.count(next) > 0 || !uses(load.turns[next]))) ++next;
    return Rank{-static_cast<std::int64_t>(next)};
  };
}

}  // namespace kvplan::twin

#include <algorithm>

#include "validate/twin/eviction.hpp"

namespace kvplan::twin {

// The priority of what a block is part of: a prefix that several sessions share, another prompt, an answer. One above
// the default lasts for a while from the last use on.
Ranking rank_by_priority(const Workload& load, const RetentionConfig& retention) {
  std::vector<std::set<std::uint32_t>> sessions(load.block_count());  // whose prompts pass through a block
  for (const Turn& t : load.turns) {
    for (BlockId b : load.blocks(t)) sessions[b].insert(t.session);
  }
  return [sessions, retention](BlockId b, std::int64_t, const Use& use, const Rank&) {
    Rank rank{use.answer ? retention.answer : retention.prompt};
    if (sessions[b].size() > 1) rank.value = retention.prefix;
    if (rank.value > retention.fallback && retention.duration < Time::max()) rank.until = time_after(use.at, retention.duration);
    rank.later = std::min(rank.value, retention.fallback);
    return rank;
  };
}

}  // namespace kvplan::twin

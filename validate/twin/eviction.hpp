// What a memory of the twin evicts first where that is not LRU, which Memory has itself. Whenever a block is used, or
// stored, it gets a rank: the lowest goes first, among equals what was ranked longest ago. Each ranking has a file.
#pragma once

#include <cstdint>
#include <functional>
#include <set>

#include "sim/config.hpp"
#include "traces/workload.hpp"

namespace kvplan::twin {

// What happens to a block, at an instant, on behalf of an answer or of a prompt.
struct Use {
  Time at{0};
  bool answer = false;
};

struct Rank {
  std::int64_t value = 0;
  Time until = Time::max();  // from then on:
  std::int64_t later = 0;
};

// Of a block that prompts have used so many times since it came; the coming counts.
using Ranking = std::function<Rank(BlockId, std::int64_t uses, const Use&)>;

Ranking rank_by_uses();
Ranking rank_by_priority(const Workload&, const RetentionConfig&);
Ranking rank_by_next_use(const Workload&, const std::set<TurnId>& arrived);

// Null for LRU. A policy that it does not know is an assertion.
Ranking ranking_of(Eviction, const Workload&, const RetentionConfig&, const std::set<TurnId>& arrived);

}  // namespace kvplan::twin

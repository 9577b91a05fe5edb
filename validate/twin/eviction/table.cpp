#include "base/error.hpp"
#include "validate/twin/eviction.hpp"

namespace kvplan::twin {

Ranking ranking_of(Eviction eviction, const Workload& load, const RetentionConfig& retention,
                   const std::set<TurnId>& arrived) {
  switch (eviction) {
    case Eviction::lru:
      return nullptr;
    case Eviction::lfu:
      return rank_by_uses();
    case Eviction::priority:
      return rank_by_priority(load, retention);
    case Eviction::belady:
      return rank_by_next_use(load, arrived);
    default:
      KVPLAN_ASSERT(!"a policy that the twin knows");
  }
}

}  // namespace kvplan::twin

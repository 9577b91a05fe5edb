#include "validate/twin/eviction.hpp"

namespace kvplan::twin {

// LFU: the fewest uses go first.
Ranking rank_by_uses() {
  return [](BlockId, std::int64_t uses, const Use&, const Rank&) { return Rank{uses}; };
}

}  // namespace kvplan::twin

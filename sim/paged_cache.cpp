#include "sim/paged_cache.hpp"

namespace kvplan {

void PagedCache::audit(std::int64_t private_pages) const {
  std::int64_t cached = 0, unreferenced = 0;
  for (BlockId b = 0; b < blocks_.size(); ++b) {
    if (!blocks_[b].resident) {
      KVPLAN_ASSERT(blocks_[b].references == 0 && !blocks_.contains(b));
      continue;
    }
    cached += pages(b);
    KVPLAN_ASSERT(blocks_.contains(b) == (blocks_[b].references == 0));
    if (blocks_[b].references == 0) unreferenced += pages(b);
  }
  KVPLAN_ASSERT(unreferenced == evictable_);
  KVPLAN_ASSERT(free_ >= 0 && private_pages >= 0);
  KVPLAN_ASSERT(free_ + private_pages + cached == capacity_);
}

}  // namespace kvplan

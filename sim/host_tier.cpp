#include "sim/host_tier.hpp"

namespace kvplan {

void HostTier::audit() const {
  Bytes used{0}, unpinned{0};
  for (BlockId b = 0; b < blocks_.size(); ++b) {
    const Block& block = blocks_[b];
    if (block.state != State::absent) used += bytes(b);
    const bool listed = block.state == State::resident && block.pins == 0;
    if (listed) unpinned += bytes(b);
    KVPLAN_ASSERT(blocks_.contains(b) == listed);
    KVPLAN_ASSERT(block.pins == 0 || block.state == State::resident);
  }
  KVPLAN_ASSERT(used == used_ && unpinned == evictable_ && used_ <= capacity_);
}

}  // namespace kvplan

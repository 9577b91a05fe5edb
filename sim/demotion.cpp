#include "sim/demotion.hpp"

#include <algorithm>

namespace kvplan {

void keep_reserve(LowerTier& from, LowerTier& to, WriteThrough& writer, Time at, SimulationResult& result) {
  const std::int64_t reserve = std::max<std::int64_t>(1, from.capacity_blocks() / 16);
  while (from.anything_evictable() && from.free_blocks() + from.leaving_blocks() < reserve) {
    const std::int64_t wanted = reserve - from.free_blocks() - from.leaving_blocks();
    const BlockRange oldest = from.next_to_go();
    BlockRange r = oldest.from(static_cast<std::uint32_t>(oldest.last - std::min(oldest.blocks(), wanted)));
    r.first = to.stretch_begin(r);
    writer.offer(from, to, {r}, {at, false}, result);
    from.leave(r);
  }
}

}  // namespace kvplan

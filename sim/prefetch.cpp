// A prompt has to queue: what the tiers beyond G2 hold of it is read into G2 meanwhile, so that it is near when its
// turn comes. What has not arrived by then is loaded from where it is.
//
// Blocks on their way are pinned where they are, and have their room in G2. What a replica reads ahead never exceeds
// its share of an eighth of G2: the rest is left where it is.
#include <algorithm>

#include "sim/replica.hpp"

namespace kvplan {

void Replica::prefetch(TurnId turn, Time at) {
  settle(at);
  below_prefix_blocks(turn, g1_prefix_blocks(turn));
  std::int64_t tokens = 0;
  for (const Hit& hit : hits_) tokens += hit.tier > 0 ? run_.chains.tokens(hit.range) : 0;
  if (tokens == 0 || tokens < offload_.prefetch_tokens) return;
  // Room is not made at the cost of what G2 has of the same prompt.
  const auto in_g2 = [&](auto&& use) {
    for (const Hit& hit : hits_) {
      if (hit.tier == 0) use(hit.range);
    }
  };
  tier_->announce({at, false});
  in_g2([&](const BlockRange& r) { tier_->pin(r); });
  for (std::uint32_t tier = 1; tier < below_.tiers.size(); ++tier) {
    Transfer transfer = prefetch_of(tier);
    if (transfer.ranges.empty()) continue;
    prefetches_[tier - 1].push(std::move(transfer), kNone, run_.chains, at);
  }
  in_g2([&](const BlockRange& r) { tier_->unpin(r); });
  make_reserve(at);
}

// Takes room in G2 for the hits in a tier beyond it that G2 neither has nor awaits.
Transfer Replica::prefetch_of(std::uint32_t tier) {
  Ranges ranges;
  std::int64_t blocks_in_all = 0;
  for (const Hit& hit : hits_) {
    if (hit.tier != tier) continue;
    for (BlockRange rest = hit.range; rest.first < rest.last;) {
      const Residency::Stretch stretch = tier_->stretch(rest);
      BlockRange part = rest.until(stretch.end);
      rest = rest.from(stretch.end);
      const std::int64_t room = std::min(tier_->obtainable_blocks(), most_prefetching_blocks_ - prefetching_blocks_);
      const std::int64_t blocks = stretch.present ? 0 : std::clamp<std::int64_t>(room, 0, part.blocks());
      if (blocks == 0) continue;
      part.last = static_cast<std::uint32_t>(part.first + blocks);
      below_.tiers[tier]->pin(part);
      tier_->begin_store(part);
      prefetching_blocks_ += blocks;
      blocks_in_all += blocks;
      below_.tiers[tier]->count_read(tier_->bytes(part));
      tier_->count_written(tier_->bytes(part));
      run_.result.prefetched += tier_->bytes(part);
      ranges.push_back(part);
    }
  }
  tier_->come(ranges);
  Transfer transfer = transfer_of(std::move(ranges));
  transfer.segments = blocks_in_all;  // a block is an object of its own there
  return transfer;
}

void Replica::prefetched(std::uint32_t tier, Time at) {
  ++run_.result.events;
  const Transfer done = prefetches_[tier - 1].pop(at);
  for (std::size_t i = done.ranges.size(); i-- > 0;) {
    below_.tiers[tier]->unpin(done.ranges[i]);
    prefetching_blocks_ -= done.ranges[i].blocks();
  }
  arrived_in_g2(done.ranges, {at, false});
}

}  // namespace kvplan

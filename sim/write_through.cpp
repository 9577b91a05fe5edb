#include "sim/write_through.hpp"

#include <algorithm>

namespace kvplan {

// The leading part of a range that is alike: ready and looked up often enough, or not.
BlockRange WriteThrough::wanted_part(const LowerTier& from, const BlockRange& r, bool& wanted) const {
  const Residency::Stretch there = from.stretch(r);
  BlockRange part = r.until(there.end);
  wanted = there.ready;
  if (!wanted || policy_ != StorePolicy::selective) return part;
  const auto known = [&](std::uint32_t block) { return from.lookups(r.chain, block) >= selective_hits_; };
  wanted = known(part.first);
  std::uint32_t end = part.first + 1;
  while (end < part.last && known(end) == wanted) ++end;
  return part.until(end);
}

void WriteThrough::offer(LowerTier& from, LowerTier& to, const Ranges& ranges, const Use& use,
                         SimulationResult& result) {
  Transfer transfer;
  Bytes bytes{0};
  to.announce(use);
  for (BlockRange rest : ranges) {
    while (rest.first < rest.last) {
      bool wanted = false;
      BlockRange part = wanted_part(from, rest, wanted);
      const Residency::Stretch stretch = to.stretch(part);
      part = part.until(stretch.end);
      rest = rest.from(part.last);
      if (stretch.present || !wanted) continue;
      const std::int64_t room = std::min(to.obtainable_blocks(), from.blocks_in(most_waiting_ - waiting_ - bytes));
      const std::int64_t blocks = std::clamp<std::int64_t>(room, 0, part.blocks());
      result.skipped_stores += part.blocks() - blocks;
      if (blocks == 0) continue;
      part.last = static_cast<std::uint32_t>(part.first + blocks);
      to.begin_store(part);
      from.pin(part);
      bytes += from.bytes(part);
      transfer.segments += part.blocks();
      transfer.ranges.push_back(part);
    }
  }
  if (transfer.ranges.empty()) return;
  waiting_ += bytes;
  to.come(transfer.ranges);
  to.count_written(bytes);
  result.written_beyond += bytes;
  transfer.bytes_per_gpu = Bytes(ceil_div(bytes.count, streams_));
  ends_.push_back({&from, &to});
  queue_.push(std::move(transfer), kNone, from.chains(), use.at);
}

void WriteThrough::ended(Time at) {
  const Transfer done = queue_.pop(at);
  LowerTier &from = *ends_.front().from, &to = *ends_.front().to;
  ends_.pop_front();
  for (std::size_t i = done.ranges.size(); i-- > 0;) {
    to.end_store(done.ranges[i]);
    from.unpin(done.ranges[i]);
    if (policy_ == StorePolicy::back) from.left(done.ranges[i]);
    waiting_ -= from.bytes(done.ranges[i]);
  }
}

void WriteThrough::abandon() {
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    const Ranges& ranges = queue_.all()[i].ranges;
    LowerTier &from = *ends_[i].from, &to = *ends_[i].to;
    for (std::size_t k = ranges.size(); k-- > 0;) {
      to.abort_store(ranges[k]);
      from.unpin(ranges[k]);
      if (policy_ == StorePolicy::back) from.stay(ranges[k]);
    }
  }
  ends_.clear();
}

}  // namespace kvplan

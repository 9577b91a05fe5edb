#include "sim/write_through.hpp"

#include <algorithm>

namespace kvplan {

void WriteThrough::offer(LowerTier& from, const Ranges& ranges, Time at, SimulationResult& result) {
  Transfer transfer;
  Bytes bytes{0};
  for (BlockRange rest : ranges) {
    while (rest.first < rest.last) {
      const Residency::Stretch stretch = to_->stretch(rest);
      BlockRange part = rest.until(stretch.end);
      rest = rest.from(stretch.end);
      if (stretch.present) continue;
      const std::int64_t room = std::min(to_->obtainable_blocks(), from.blocks_in(most_waiting_ - waiting_ - bytes));
      const std::int64_t blocks = std::clamp<std::int64_t>(room, 0, part.blocks());
      result.skipped_stores += part.blocks() - blocks;
      if (blocks == 0) continue;
      part.last = static_cast<std::uint32_t>(part.first + blocks);
      to_->begin_store(part);
      from.pin(part);
      bytes += from.bytes(part);
      transfer.segments += part.blocks();
      transfer.ranges.push_back(part);
    }
  }
  if (transfer.ranges.empty()) return;
  waiting_ += bytes;
  result.written_beyond += bytes;
  transfer.bytes_per_gpu = Bytes(ceil_div(bytes.count, streams_));
  sources_.push_back(&from);
  queue_.push(std::move(transfer), kNone, from.chains(), at);
}

void WriteThrough::ended(Time at) {
  const Transfer done = queue_.pop(at);
  LowerTier& from = *sources_.front();
  sources_.pop_front();
  for (std::size_t i = done.ranges.size(); i-- > 0;) {
    to_->end_store(done.ranges[i]);
    from.unpin(done.ranges[i]);
    waiting_ -= from.bytes(done.ranges[i]);
  }
}

}  // namespace kvplan

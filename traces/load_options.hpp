#pragma once

#include <cstdint>
#include <optional>

#include "base/random.hpp"
#include "base/units.hpp"

namespace kvplan {

// When follow-ups arrive.
enum class ClosedLoop {
  recorded,  // a think time after the turn before has ended where the trace has think times, else at recorded times
  open,      // at recorded times, whatever the turn before does
  inferred,  // as recorded; without a think time, at the recorded time, or when the parent has ended if that is later
};

// The blocks whose hash, uniform in [0, 1), lies in [low, high).
struct BlockSample {
  double low = 0, high = 1;
  std::uint64_t seed = 1;

  bool holds(std::uint64_t id) const {
    const std::uint64_t bits = SplitMix64(SplitMix64(seed)() ^ id)();
    const double place = static_cast<double>(bits >> 11) * 0x1p-53;
    return place >= low && place < high;
  }
};

struct LoadOptions {
  bool strict = false;              // refuse what would otherwise be repaired and noted
  std::int32_t block_tokens = 512;  // tokens that one hash of the trace covers
  std::uint64_t seed = 1;
  // Width of the ticks inside which arrivals are spread; none: detected; zero: arrivals stay as recorded.
  std::optional<Time> tick;
  double rate_scale = 1;  // 2: twice the request rate; think times stay as they are
  ClosedLoop closed_loop = ClosedLoop::recorded;
  // A session ends before the turn whose prompt and answer would exceed this.
  std::optional<std::int64_t> context_cap_tokens;
  std::optional<std::int64_t> limit;  // only the first turns, in order of arrival
  Time window_start{0};               // only turns that arrive at or after this instant, which becomes zero,
  Time window_end = Time::max();      // and before this one
  std::optional<BlockSample> blocks;      // only these blocks; without sessions (traces/block_sample.hpp)
  std::int64_t max_line_bytes = std::int64_t{64} << 20;  // longer lines are refused; bounds the memory for one
};

}  // namespace kvplan

#include "traces/ticks.hpp"

#include <algorithm>
#include <cmath>

#include "base/random.hpp"

namespace kvplan {
namespace {

std::vector<std::int64_t> gaps_between_instants(std::span<const Time> times) {
  std::vector<std::int64_t> gaps;
  for (std::size_t i = 1; i < times.size(); ++i) {
    if (times[i] != times[i - 1]) gaps.push_back((times[i] - times[i - 1]).count);
  }
  return gaps;
}

// The median of the gaps that span one tick: those below one and a half times the shortest.
std::int64_t one_tick(std::vector<std::int64_t> gaps) {
  const std::int64_t shortest = *std::min_element(gaps.begin(), gaps.end());
  std::erase_if(gaps, [&](std::int64_t gap) { return gap > shortest + shortest / 2; });
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return *middle;
}

}  // namespace

Time detect_tick(std::span<const Time> times) {
  const std::vector<std::int64_t> gaps = gaps_between_instants(times);
  const std::size_t instants = gaps.size() + 1;
  if (instants < 3 || times.size() < 2 * instants) return Time(0);
  const std::int64_t tick = one_tick(gaps);
  if (tick <= kPsPerMs) return Time(0);
  const auto regular = std::count_if(gaps.begin(), gaps.end(), [&](std::int64_t gap) {
    const std::int64_t off = gap % tick;
    return std::min(off, tick - off) <= tick / 100;
  });
  return static_cast<std::size_t>(regular) * 100 >= gaps.size() * 95 ? Time(tick) : Time(0);
}

std::vector<Time> spread_inside_ticks(std::span<const Time> times, Time width, std::uint64_t seed) {
  RandomStream stream(seed, "arrivals inside ticks");
  std::vector<Time> spread(times.begin(), times.end());
  for (std::size_t begin = 0; begin < times.size();) {
    std::size_t end = begin;
    while (end < times.size() && times[end] == times[begin]) ++end;
    Time room = std::min(width, Time::max() - times[begin]);
    if (end < times.size()) room = std::min(room, times[end] - times[begin]);
    for (std::size_t i = begin; i < end; ++i) {
      spread[i] += Time(static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(room.count))));
    }
    std::sort(spread.begin() + static_cast<std::ptrdiff_t>(begin), spread.begin() + static_cast<std::ptrdiff_t>(end));
    begin = end;
  }
  return spread;
}

}  // namespace kvplan

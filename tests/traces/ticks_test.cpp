#include "traces/ticks.hpp"

#include <algorithm>
#include <cmath>

#include "base/random.hpp"
#include "tests/catch.hpp"

using namespace kvplan;

namespace {

// n arrivals in each tick, with the given jitter of the clock.
std::vector<Time> ticking(int ticks, int n, std::int64_t width_ms, int jitter_ms = 0) {
  RandomStream stream(1, "jitter");
  std::vector<Time> times;
  for (int t = 0; t < ticks; ++t) {
    const auto off = static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(jitter_ms) + 1));
    times.insert(times.end(), static_cast<std::size_t>(n), Time((t * width_ms + off) * kPsPerMs));
  }
  return times;
}

}  // namespace

TEST_CASE("a coarse clock is detected, with jitter and with empty ticks") {
  CHECK(detect_tick(ticking(50, 3, 1000)) == Time(kPsPerS));
  const Time jittered = detect_tick(ticking(500, 3, 3000, 3));
  CHECK(std::abs(jittered.count - 3 * kPsPerS) <= 2 * kPsPerMs);
  std::vector<Time> gappy = ticking(50, 3, 1000);
  std::erase_if(gappy, [](Time t) { return t.count / kPsPerS % 7 == 3; });
  CHECK(detect_tick(gappy) == Time(kPsPerS));
}

TEST_CASE("what is not quantised is left alone") {
  CHECK(detect_tick({}) == Time(0));
  CHECK(detect_tick(ticking(50, 1, 1000)) == Time(0));  // regular, but no instant is shared
  CHECK(detect_tick(ticking(2, 50, 1000)) == Time(0));  // too few instants to tell
  CHECK(detect_tick(ticking(50, 3, 1)) == Time(0));     // an ordinary millisecond clock
  RandomStream stream(1, "bursts");
  std::vector<Time> bursts;  // real bursts at irregular times
  Time now{0};
  for (int i = 0; i < 50; ++i) {
    now += Time(static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(10 * kPsPerS))) + 1);
    bursts.insert(bursts.end(), 3, now);
  }
  CHECK(detect_tick(bursts) == Time(0));
}

TEST_CASE("arrivals are spread inside their tick, in order, uniformly, by seed") {
  const std::vector<Time> times = ticking(1000, 10, 3000);
  const std::vector<Time> spread = spread_inside_ticks(times, Time(3 * kPsPerS), 1);
  REQUIRE(spread.size() == times.size());
  CHECK(std::is_sorted(spread.begin(), spread.end()));
  std::vector<int> counts(10);
  for (std::size_t i = 0; i < times.size(); ++i) {
    const std::int64_t offset = (spread[i] - times[i]).count;
    REQUIRE(offset >= 0);
    REQUIRE(offset < 3 * kPsPerS);
    ++counts[static_cast<std::size_t>(offset * 10 / (3 * kPsPerS))];
  }
  for (const int n : counts) CHECK(std::abs(n - 1000) < 130);
  CHECK(spread == spread_inside_ticks(times, Time(3 * kPsPerS), 1));
  CHECK(spread != spread_inside_ticks(times, Time(3 * kPsPerS), 2));
}

TEST_CASE("a width beyond the next instant is cut there") {
  const std::vector<Time> times = ticking(100, 2, 1000);
  const std::vector<Time> spread = spread_inside_ticks(times, Time(5 * kPsPerS), 1);
  for (std::size_t i = 0; i + 2 < times.size(); ++i) CHECK(spread[i] < times[i] + Time(kPsPerS));
}

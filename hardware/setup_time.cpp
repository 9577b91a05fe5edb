// Apart from what compiles links, so that an executor's program needs no graphs.
#include <algorithm>
#include <bit>

#include "base/error.hpp"
#include "hardware/topology.hpp"

namespace kvplan {

Time setup_time(const Route& route, Bytes bytes, std::int64_t segments) {
  KVPLAN_ASSERT(segments > 0);
  __extension__ using int128 = __int128;
  std::int64_t ps = route.latency_ps;
  const std::vector<std::int64_t>& knots = route.submission_ps;
  if (knots.size() < 2) {
    ps += segments * (knots.empty() ? route.segment_ps : knots[0]);
  } else {
    const auto width = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(segments))) - 1;
    const std::size_t k = std::min(width, knots.size() - 2);
    const std::int64_t from = std::int64_t{1} << k;
    ps += knots[k] + static_cast<std::int64_t>(int128(knots[k + 1] - knots[k]) * (segments - from) / from);
  }
  const std::vector<std::int64_t>& ramp = route.ramp_fs_per_byte;
  if (static_cast<std::size_t>(segments) <= ramp.size()) {
    ps += static_cast<std::int64_t>(int128(ramp[static_cast<std::size_t>(segments - 1)]) * bytes.count / 1000);
  }
  return Time(ps);
}

}  // namespace kvplan

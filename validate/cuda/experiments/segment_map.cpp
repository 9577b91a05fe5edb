#include "validate/cuda/experiments/segment_map.hpp"

#include <algorithm>
#include <numeric>

#include "validate/cuda/device/batch_copy.hpp"
#include "validate/cuda/kernels/launch.hpp"
#include "validate/cuda/kernels/segment_copy.hpp"

namespace kvplan::gpu {

const char* name_of(Direction d) {
  switch (d) {
    case Direction::h2d:
      return "h2d";
    case Direction::d2h:
      return "d2h";
    case Direction::d2d:
      return "d2d";
  }
  return "";
}

SegmentMap::SegmentMap(Bench& bench, Direction d, std::size_t bytes_each, std::size_t segments)
    : direction(d), segment_bytes(bytes_each) {
  const Pools& pools = bench.pools();
  const char* content = (d == Direction::h2d ? pools.pinned_content : pools.device_content).data();
  target = (d == Direction::d2h ? pools.pinned_target : pools.device_target).data();
  std::vector<std::uint32_t> all(pools.bytes / segment_bytes);
  std::iota(all.begin(), all.end(), 0u);
  for (std::size_t i = 0; i < segments; ++i) {  // a random choice in random order
    std::swap(all[i], all[i + bench.random()() % (all.size() - i)]);
    source.push_back(all[i]);
    to.push_back(target + i * segment_bytes);
    from.push_back(content + all[i] * segment_bytes);
  }
  device_to = upload(to);
  device_from = upload(from);
}

void SegmentMap::poison(const Stream& stream) const {
  KVPLAN_CUDA(cudaMemsetAsync(target, 0xff, static_cast<std::size_t>(bytes()), stream));
}

void move_segments(const SegmentMap& map, const Method& method, cudaStream_t stream) {
  if (method.name == "kernel") {
    const SegmentCopy copy{map.device_to.as<void* const>(), map.device_from.as<const void* const>(), map.segment_bytes,
                           static_cast<int>(map.source.size())};
    KVPLAN_CUDA(launch_segment_copy(copy, method.blocks, stream));
  } else if (method.name == "dma") {
    for (std::size_t i = 0; i < map.to.size(); ++i) {
      KVPLAN_CUDA(cudaMemcpyAsync(map.to[i], map.from[i], map.segment_bytes, cudaMemcpyDefault, stream));
    }
  } else {
    batch_copy(map.to, map.from, map.segment_bytes, method.name == "batch_any" ? BatchOrder::any : BatchOrder::stream,
               method.name == "batch_beside", stream);
  }
}

Work moving(Bench& bench, const SegmentMap& map, const Method& method) {
  Work work;
  work.enqueue = [&map, method](cudaStream_t stream, int) { move_segments(map, method, stream); };
  work.operations = method.operations(map.source.size());
  work.verify = [&bench, &map, method] {
    map.poison(bench.main());
    move_segments(map, method, bench.main());
    bench.main().wait();
    return bench.holds(map.target, map.source, map.segment_bytes);
  };
  return work;
}

}  // namespace kvplan::gpu

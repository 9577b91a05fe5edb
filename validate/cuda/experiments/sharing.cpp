// X3 both directions at once and several streams in one; X4 a small copy behind
// large ones on the same copy engine.
#include <memory>

#include "validate/cuda/experiments/experiments.hpp"
#include "validate/cuda/experiments/segment_map.hpp"

namespace kvplan::gpu {
namespace {

// Moves `loads` and `stores` at once, each spread over its streams; the time is until the last is done.
void together(Bench& bench, const std::vector<const SegmentMap*>& maps,
              const std::vector<std::unique_ptr<Stream>>& streams, const Method& method, const std::string& pattern) {
  Work work;
  std::int64_t bytes = 0;
  for (const SegmentMap* m : maps) {
    bytes += m->bytes();
    work.operations += method.operations(m->source.size());
  }
  work.enqueue = [&](cudaStream_t main, int) {
    for (std::size_t i = 0; i < maps.size(); ++i) follow(main, *streams[i]);
    for (std::size_t i = 0; i < maps.size(); ++i) move_segments(*maps[i], method, *streams[i]);
    for (std::size_t i = 0; i < maps.size(); ++i) follow(*streams[i], main);
  };
  bench.measure(bench.point({{"pattern", pattern},
                             {"method", method.label()},
                             {"segment_bytes", static_cast<std::int64_t>(maps[0]->segment_bytes)}},
                            bytes),
                work);
}

}  // namespace

void duplex_copies(Bench& bench) {
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 4; ++i) streams.push_back(std::make_unique<Stream>());
  bench.expect(18);
  for (const std::size_t segment : {std::size_t{2} << 20, std::size_t{32} << 10}) {
    const std::size_t count = segment > (1 << 20) ? 32 : 100;
    const SegmentMap load(bench, Direction::h2d, segment, count), store(bench, Direction::d2h, segment, count);
    const SegmentMap more(bench, Direction::h2d, segment, count / 2);
    for (const Method& m : {Method{"dma"}, Method{"kernel", 12}}) {
      together(bench, {&load}, streams, m, "h2d");
      together(bench, {&store}, streams, m, "d2h");
      together(bench, {&load, &store}, streams, m, "h2d + d2h");
      together(bench, {&load, &more}, streams, m, "h2d on 2 streams");
      if (m.name == "dma") together(bench, {&load, &more, &more, &more}, streams, m, "h2d on 4 streams");
    }
  }
}

void copy_behind_copies(Bench& bench) {
  constexpr std::size_t kControl = 64 << 10, kTotal = std::size_t{256} << 20;
  const Pools& pools = bench.pools();
  const Buffer control_host(Memory::pinned, kControl), control_device(Memory::device, kControl);
  bench.expect(11);
  const auto control = [&](Direction d, cudaStream_t s) {
    KVPLAN_CUDA(cudaMemcpyAsync(d == Direction::h2d ? control_device.data() : control_host.data(),
                                d == Direction::h2d ? control_host.data() : control_device.data(), kControl,
                                cudaMemcpyDefault, s));
  };
  const auto wait_behind = [&](Direction mine, std::size_t chunk) {
    Work work;
    work.operations = static_cast<int>(chunk == 0 ? 1 : kTotal / chunk) + 2;
    work.one_round = true;
    work.enqueue = [&, mine, chunk](cudaStream_t main, int) {
      // A first copy, alone too: when it has ended the large ones begin, and the small one is asked for.
      follow(main, bench.loads());
      KVPLAN_CUDA(cudaMemcpyAsync(pools.device_target.data(), pools.pinned_content.data(), 4096, cudaMemcpyDefault,
                                  bench.loads()));
      follow(bench.loads(), main);
      for (std::size_t at = 0; chunk > 0 && at < kTotal; at += chunk) {
        KVPLAN_CUDA(cudaMemcpyAsync(pools.device_target.data() + at, pools.pinned_content.data() + at, chunk,
                                    cudaMemcpyDefault, bench.loads()));
      }
      control(mine, main);
    };
    bench.measure(bench.point({{"control_dir", std::string(name_of(mine))},
                               {"control_bytes", static_cast<std::int64_t>(kControl)},
                               {"chunk_bytes", static_cast<std::int64_t>(chunk)}},
                              static_cast<std::int64_t>(kControl)),
                  work);
  };
  for (const Direction mine : {Direction::h2d, Direction::d2h}) {
    for (const std::size_t mib : {0, 1, 4, 16, 64}) wait_behind(mine, mib << 20);
  }
  wait_behind(Direction::h2d, std::size_t{256} << 20);
}

}  // namespace kvplan::gpu

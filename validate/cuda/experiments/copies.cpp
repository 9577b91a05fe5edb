// X1 contiguous copies, X2 scattered segments by method, X6 repacking and staging.
#include <cstdlib>
#include <memory>

#include "validate/cuda/device/batch_copy.hpp"
#include "validate/cuda/experiments/experiments.hpp"
#include "validate/cuda/experiments/segment_map.hpp"
#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {
namespace {

struct Free {
  void operator()(void* p) const { std::free(p); }
};

// Host memory that is not pinned; a page of it is touched so that it exists.
std::unique_ptr<char, Free> pageable(std::size_t bytes) {
  std::unique_ptr<char, Free> memory(static_cast<char*>(std::aligned_alloc(std::size_t{2} << 20, bytes)));
  if (memory == nullptr) throw std::runtime_error("too little host memory for a pageable buffer");
  for (std::size_t i = 0; i < bytes; i += 4096) memory.get()[i] = static_cast<char>(i >> 12);
  return memory;
}

void copy_both_ways(Bench& bench, char* host, const char* memory, std::size_t bytes) {
  char* device = bench.pools().device_target.data();
  for (const Direction d : {Direction::h2d, Direction::d2h}) {
    void* to = d == Direction::h2d ? device : host;
    const void* from = d == Direction::h2d ? host : device;
    RunPoint p = bench.point({{"dir", std::string(name_of(d))}, {"memory", std::string(memory)}},
                             static_cast<std::int64_t>(bytes));
    bench.measure(std::move(p),
                  {[=](cudaStream_t s, int) { KVPLAN_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, s)); }});
  }
}

struct Shape {
  std::size_t segment_bytes, segments;
};

// Every size and count whose sum fits into a quarter of the pool and is worth a measurement.
std::vector<Shape> shapes(const Bench& bench, std::size_t pool_bytes) {
  const std::vector<std::size_t> kib = bench.quick()
                                           ? std::vector<std::size_t>{8, 24, 28, 32, 64, 2048}
                                           : std::vector<std::size_t>{2, 4, 8, 16, 24, 28, 32, 64, 128, 512, 2048};
  const std::vector<std::size_t> counts =
      bench.quick() ? std::vector<std::size_t>{64, 1024} : std::vector<std::size_t>{16, 64, 256, 1024, 4096};
  std::vector<Shape> out;
  for (const std::size_t k : kib) {
    for (const std::size_t n : counts) {
      if (n * (k << 10) <= pool_bytes / 4) out.push_back({k << 10, n});
    }
  }
  return out;
}

std::vector<Method> methods(const Bench& bench) {
  std::vector<Method> out{{"dma"}, {"kernel", 12}};
  if (!bench.quick()) out.insert(out.end(), {{"kernel", 2}, {"kernel", 132}});
  if (kBatchCopies) out.insert(out.end(), {{"batch"}, {"batch_any"}});
  if (kBatchCopies && !bench.quick()) out.push_back({"batch_beside"});
  return out;
}

RunValues describe(const SegmentMap& map, const std::string& method) {
  return {{"method", method},
          {"dir", std::string(name_of(map.direction))},
          {"segment_bytes", static_cast<std::int64_t>(map.segment_bytes)},
          {"segments", static_cast<std::int64_t>(map.source.size())}};
}

// One copy for equally spaced rows: what a layer-first pool allows for the layers of one block.
void strided_rows(Bench& bench, Direction d, const Shape& shape) {
  const Pools& pools = bench.pools();
  const std::size_t pitch = 2 * shape.segment_bytes;
  char* to = (d == Direction::h2d ? pools.device_target : pools.pinned_target).data();
  const char* from = (d == Direction::h2d ? pools.pinned_content : pools.device_content).data();
  RunPoint p = bench.point({{"method", std::string("rows_2d")},
                            {"dir", std::string(name_of(d))},
                            {"segment_bytes", static_cast<std::int64_t>(shape.segment_bytes)},
                            {"segments", static_cast<std::int64_t>(shape.segments)}},
                           static_cast<std::int64_t>(shape.segment_bytes * shape.segments));
  const auto copy = [=](cudaStream_t s) {
    KVPLAN_CUDA(cudaMemcpy2DAsync(to, shape.segment_bytes, from, pitch, shape.segment_bytes, shape.segments,
                                  cudaMemcpyDefault, s));
  };
  Work work{[=](cudaStream_t s, int) { copy(s); }};
  work.verify = [&bench, copy, to, shape] {
    KVPLAN_CUDA(cudaMemsetAsync(to, 0xff, shape.segment_bytes * shape.segments, bench.main()));
    copy(bench.main());
    bench.main().wait();
    std::vector<std::uint32_t> source;
    for (std::size_t i = 0; i < shape.segments; ++i) source.push_back(static_cast<std::uint32_t>(2 * i));
    return bench.holds(to, source, shape.segment_bytes);
  };
  bench.measure(std::move(p), work);
}

// Gather into one piece on the GPU, then one copy out; or one copy in, then scatter.
void staged(Bench& bench, Direction d, const Shape& shape) {
  const SegmentMap map(bench, Direction::d2d, shape.segment_bytes, shape.segments);
  const Pools& pools = bench.pools();
  const auto bytes = static_cast<std::size_t>(map.bytes());
  const Method kernel{"kernel", bench.processors()};
  Work work;
  work.operations = 2;
  work.enqueue = [&map, &pools, d, bytes, kernel](cudaStream_t s, int) {
    if (d == Direction::h2d) {
      KVPLAN_CUDA(
          cudaMemcpyAsync(pools.device_content.data(), pools.pinned_content.data(), bytes, cudaMemcpyDefault, s));
    }
    move_segments(map, kernel, s);
    if (d == Direction::d2h) {
      KVPLAN_CUDA(cudaMemcpyAsync(pools.pinned_target.data(), map.target, bytes, cudaMemcpyDefault, s));
    }
  };
  RunValues params = describe(map, "staged");
  params["dir"] = std::string(name_of(d));
  bench.measure(bench.point(std::move(params), map.bytes()), work);
}

}  // namespace

void contiguous_copies(Bench& bench) {
  const std::size_t step = bench.quick() ? 4 : 2, most = std::min(bench.pools().bytes, std::size_t{256} << 20);
  std::vector<std::size_t> sizes;
  for (std::size_t bytes = 4096; bytes <= most; bytes *= step) sizes.push_back(bytes);
  bench.expect(sizes.size() * (bench.quick() ? 3 : 7));
  for (const std::size_t bytes : sizes) {
    copy_both_ways(bench, bench.pools().pinned_target.data(), "pinned", bytes);
    bench.measure(
        bench.point({{"dir", std::string("d2d")}, {"memory", std::string("device")}}, static_cast<std::int64_t>(bytes)),
        {[&, bytes](cudaStream_t s, int) {
          KVPLAN_CUDA(cudaMemcpyAsync(bench.pools().device_target.data(), bench.pools().device_content.data(), bytes,
                                      cudaMemcpyDefault, s));
        }});
  }
  if (bench.quick()) return;
  const auto plain = pageable(most);
  for (const std::size_t bytes : sizes) {
    // Copies from pageable memory wait in the call itself: no latch can hold them.
    char* device = bench.pools().device_target.data();
    for (const Direction d : {Direction::h2d, Direction::d2h}) {
      Work work{[&, d, bytes](cudaStream_t s, int) {
        KVPLAN_CUDA(cudaMemcpyAsync(d == Direction::h2d ? device : plain.get(),
                                    d == Direction::h2d ? plain.get() : device, bytes, cudaMemcpyDefault, s));
      }};
      work.operations = 1 << 20;  // never behind the latch
      bench.measure(bench.point({{"dir", std::string(name_of(d))}, {"memory", std::string("pageable")}},
                                static_cast<std::int64_t>(bytes)),
                    work);
    }
  }
  KVPLAN_CUDA(cudaHostRegister(plain.get(), most, cudaHostRegisterDefault));
  for (const std::size_t bytes : sizes) copy_both_ways(bench, plain.get(), "registered", bytes);
  KVPLAN_CUDA(cudaHostUnregister(plain.get()));
}

void scattered_segments(Bench& bench) {
  struct Cell {
    Shape shape;
    Direction direction;
  };
  std::vector<Cell> cells;
  for (const Shape& s : shapes(bench, bench.pools().bytes)) {
    for (const Direction d : {Direction::h2d, Direction::d2h}) cells.push_back({s, d});
  }
  for (std::size_t i = cells.size(); i > 1; --i) std::swap(cells[i - 1], cells[bench.random()() % i]);
  const auto ways = methods(bench);
  bench.expect(cells.size() * (ways.size() + 1));
  for (const Cell& c : cells) {
    const SegmentMap map(bench, c.direction, c.shape.segment_bytes, c.shape.segments);
    for (const Method& m : ways) {
      bench.measure(bench.point(describe(map, m.label()), map.bytes()), moving(bench, map, m));
    }
    strided_rows(bench, c.direction, c.shape);
  }
}

void repacking(Bench& bench) {
  const std::vector<Shape> cases{{32 << 10, 2048}, {8 << 10, 4096}, {std::size_t{2} << 20, 64}};
  bench.expect(cases.size() * 3);
  for (const Shape& s : cases) {
    const SegmentMap map(bench, Direction::d2d, s.segment_bytes, s.segments);
    const Method kernel{"kernel", bench.processors()};
    bench.measure(bench.point(describe(map, "repack"), map.bytes()), moving(bench, map, kernel));
    staged(bench, Direction::d2h, s);
    staged(bench, Direction::h2d, s);
  }
  // Staging into the GPU overwrote content with the same content: h2d brings the very words that were there.
}

}  // namespace kvplan::gpu

#include "hardware/copy_surface.hpp"

#include "base/error.hpp"
#include "hardware/topology.hpp"
#include "tests/catch.hpp"

using namespace kvplan;

namespace {

const CopySurface& surface(const Hardware& h, const std::string& method, bool to_device) {
  for (const CopySurface& s : h.copy_surfaces) {
    if (s.method == method && s.to_device == to_device) return s;
  }
  FAIL("no surface");
  return h.copy_surfaces.front();
}

Time load_time(const std::string& method, std::int64_t segment, std::int64_t count) {
  CopyWay way;
  way.method = method;
  way.load_segment = way.store_segment = Bytes(segment);
  const NodeLinks links = compile_links(load_hardware("x86-h100-sxm"), 1, 1, {}, way);
  const Bytes bytes(segment * count);
  return setup_time(links.load[0], bytes, count) + time_from_seconds(static_cast<double>(bytes.count) / 51.2e9);
}

}  // namespace

TEST_CASE("at a measured point a copy takes what was measured: between points the rate lies between") {
  const Hardware h = load_hardware("x86-h100-sxm");
  const CopySurface& kernel = surface(h, "kernel", true);
  for (const CopySurface::Point& p : kernel.points) {
    CHECK(kernel.copy_s(p.segment_bytes, p.count) ==
          Approx(static_cast<double>(p.segment_bytes * p.count) / p.bytes_per_s));
  }
  const double rate = 20.0 * 1024 * 1000 / kernel.copy_s(20 * 1024, 1000);
  CHECK(rate > 30.7e9);
  CHECK(rate < 35.9e9);
  // Beyond the points: a smaller segment takes what the smallest takes.
  CHECK(kernel.copy_s(1024, 1000) == Approx(kernel.copy_s(4096, 1000)));
  CHECK(kernel.copy_s(64 << 20, 10) == Approx(10.0 * (64 << 20) / 47.8e9));
  CHECK(kernel.covers(2048));
  CHECK_FALSE(kernel.covers(1024));
}

TEST_CASE("batched DMA has a cliff below 28 KiB: half the bytes can take longer") {
  const Hardware h = load_hardware("x86-h100-sxm");
  const CopySurface& batch = surface(h, "batch", true);
  CHECK(batch.copy_s(24 << 10, 50'000) > 4 * batch.copy_s(28 << 10, 50'000));
  CHECK(batch.copy_s(16 << 10, 100'000) > 2 * batch.copy_s(32 << 10, 100'000));  // fp8 against bf16 at the same count
}

TEST_CASE("a transfer by a measured method takes the measured time: kernels beat DMA on small segments alone") {
  CHECK(seconds(load_time("kernel", 32 << 10, 1024)) == Approx(1024 * 32.0 * 1024 / 35.9e9).epsilon(0.01));
  CHECK(load_time("kernel", 32 << 10, 4096) < load_time("dma", 32 << 10, 4096));
  CHECK(load_time("kernel", 16 << 20, 64) > load_time("dma", 16 << 20, 64));
  // Gathered first: one submission, so small segments no longer matter.
  CHECK(load_time("staged", 32 << 10, 4096) < load_time("kernel", 32 << 10, 4096));
  CHECK(load_time("staged", 1 << 10, 32 * 4096) == load_time("staged", 32 << 10, 4096));
}

TEST_CASE("between powers of two segments cost in proportion: a method that was not measured is refused") {
  const Time four = load_time("kernel", 8 << 10, 4), six = load_time("kernel", 8 << 10, 6),
             eight = load_time("kernel", 8 << 10, 8);
  CHECK(std::abs((four.count + eight.count) / 2 - six.count) <= 2);
  CopyWay way;
  way.method = "kernel";
  way.load_segment = way.store_segment = Bytes(1024);
  CHECK_THROWS_AS(compile_links(load_hardware("gh200-96"), 1, 1, {}, way), InfeasibleError);
}

// X14 the file tier: reads and writes past the page cache by a few threads, and a
// read that goes on to the GPU. The disk of a virtual machine is no NVMe drive:
// the point says which file system it was.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "validate/cuda/device/scratch_file.hpp"
#include "validate/cuda/experiments/bench.hpp"
#include "validate/cuda/experiments/experiments.hpp"

namespace kvplan::gpu {
namespace {

constexpr std::size_t kFileBytes = std::size_t{128} << 20;

// One pass over the file by `threads` threads, a block at a time; false when a block failed. `after` gets each block.
bool pass(int file, char* memory, std::size_t block, int threads, bool write,
          const std::function<void(std::size_t at)>& after = {}) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> good{true};
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&] {
      for (std::size_t at = next.fetch_add(block); at < kFileBytes && good; at = next.fetch_add(block)) {
        const auto offset = static_cast<std::int64_t>(at);
        const bool done =
            write ? write_piece(file, memory + at, block, offset) : read_piece(file, memory + at, block, offset);
        if (!done) good = false;
        if (good && after) after(at);
      }
    });
  }
  for (std::thread& w : workers) w.join();
  return good;
}

}  // namespace

void file_tier(Bench& bench) {
  const std::string where = scratch_folder();
  const ScratchFile file(where, true);
  if (!file.good()) {
    return bench.waive(bench.point({{"folder", where}}), "no direct file access: " + file.why());
  }
  Pools& pools = bench.pools();
  if (pools.bytes < kFileBytes) return bench.waive(bench.point({}), "the pinned pool is too small");
  bench.expect(20);
  const auto measure = [&](const char* operation, std::size_t block, int threads, const std::function<bool()>& run,
                           const std::function<bool()>& verify = {}) {
    RunPoint p = bench.point({{"operation", std::string(operation)},
                              {"block_bytes", static_cast<std::int64_t>(block)},
                              {"threads", std::int64_t{threads}},
                              {"file_system_type", file.file_system_type()},
                              {"folder", where}},
                             static_cast<std::int64_t>(kFileBytes));
    Work work{[&](cudaStream_t, int) {
      if (!run())
        throw std::runtime_error("a read or write of the scratch file failed: " + std::string(std::strerror(errno)));
    }};
    work.operations = 1 << 20;  // host work: never behind the latch
    work.verify = verify;
    bench.measure(std::move(p), work);
  };
  char* content = pools.pinned_content.data();
  char* target = pools.pinned_target.data();
  for (const std::size_t block : {std::size_t{16} << 20, std::size_t{2} << 20, std::size_t{128} << 10}) {
    for (const int threads : {16, 4, 1}) {
      measure("write", block, threads, [&] { return pass(file.descriptor(), content, block, threads, true); });
      measure("read", block, threads, [&] { return pass(file.descriptor(), target, block, threads, false); });
    }
  }
  // Two hops, the second starting block by block.
  for (const std::size_t block : {std::size_t{16} << 20, std::size_t{2} << 20}) {
    const auto read_on = [&, block] {
      const bool good = pass(file.descriptor(), target, block, 16, false, [&](std::size_t at) {
        cudaMemcpyAsync(pools.device_target.data() + at, target + at, block, cudaMemcpyDefault, bench.loads());
      });
      KVPLAN_CUDA(cudaStreamSynchronize(bench.loads()));
      return good;
    };
    measure("read and h2d", block, 16, read_on, [&] {
      KVPLAN_CUDA(cudaMemsetAsync(pools.device_target.data(), 0xff, kFileBytes, bench.loads()));
      return read_on() && bench.holds(pools.device_target.data(), {0}, kFileBytes);
    });
  }
}

}  // namespace kvplan::gpu

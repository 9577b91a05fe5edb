// X14 the file tier: reads and writes past the page cache by a few threads, and a
// read that goes on to the GPU. The disk of a virtual machine is no NVMe drive:
// the point says which file system it was.
#include <fcntl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "validate/cuda/experiments/bench.hpp"
#include "validate/cuda/experiments/experiments.hpp"

namespace kvplan::gpu {
namespace {

constexpr std::size_t kFileBytes = std::size_t{128} << 20;

// A file without a name, opened for direct access; -1 with errno where the file system has none.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& folder) {
    std::string name = folder + "/kvplan-gpu-XXXXXX";
    const int plain = mkstemp(name.data());
    if (plain < 0) return;
    close(plain);
    file_ = open(name.c_str(), O_RDWR | O_DIRECT);
    error_ = errno;
    unlink(name.c_str());
  }
  ~ScratchFile() {
    if (file_ >= 0) close(file_);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  int descriptor() const { return file_; }
  std::string why() const { return std::strerror(error_ != 0 ? error_ : errno); }

 private:
  int file_ = -1;
  int error_ = 0;
};

// One pass over the file by `threads` threads, a block at a time; false when a block failed. `after` gets each block.
bool pass(int file, char* memory, std::size_t block, int threads, bool write,
          const std::function<void(std::size_t at)>& after = {}) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> good{true};
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&] {
      for (std::size_t at = next.fetch_add(block); at < kFileBytes && good; at = next.fetch_add(block)) {
        const auto offset = static_cast<off_t>(at);
        const ssize_t done = write ? pwrite(file, memory + at, block, offset) : pread(file, memory + at, block, offset);
        if (done != static_cast<ssize_t>(block)) good = false;
        if (good && after) after(at);
      }
    });
  }
  for (std::thread& w : workers) w.join();
  return good;
}

}  // namespace

void file_tier(Bench& bench) {
  const char* folder = std::getenv("TMPDIR");
  const std::string where = folder != nullptr ? folder : "/var/tmp";
  const ScratchFile file(where);
  if (file.descriptor() < 0) {
    return bench.waive(bench.point({{"folder", where}}), "no direct file access: " + file.why());
  }
  struct statfs system {};
  fstatfs(file.descriptor(), &system);
  Pools& pools = bench.pools();
  if (pools.bytes < kFileBytes) return bench.waive(bench.point({}), "the pinned pool is too small");
  bench.expect(20);
  const auto measure = [&](const char* operation, std::size_t block, int threads, const std::function<bool()>& run,
                           const std::function<bool()>& verify = {}) {
    RunPoint p = bench.point({{"operation", std::string(operation)},
                              {"block_bytes", static_cast<std::int64_t>(block)},
                              {"threads", std::int64_t{threads}},
                              {"file_system_type", static_cast<std::int64_t>(system.f_type)},
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
  for (const std::size_t block : {std::size_t{16} << 20, std::size_t{1} << 20, std::size_t{128} << 10}) {
    for (const int threads : {16, 4, 1}) {
      measure("write", block, threads, [&] { return pass(file.descriptor(), content, block, threads, true); });
      measure("read", block, threads, [&] { return pass(file.descriptor(), target, block, threads, false); });
    }
  }
  // Two hops, the second starting block by block.
  for (const std::size_t block : {std::size_t{16} << 20, std::size_t{1} << 20}) {
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

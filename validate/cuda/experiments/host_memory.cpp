// X15 managed memory, and pageable memory that a kernel reads in place; X16 what
// pinning costs. Managed memory never exceeds a quarter of what is free: beyond
// what is free it can hang the GPU.
#include <sys/mman.h>

#include <chrono>
#include <cstdlib>

#include "validate/cuda/device/cuda_versions.hpp"
#include "validate/cuda/experiments/bench.hpp"
#include "validate/cuda/experiments/experiments.hpp"
#include "validate/cuda/experiments/segment_map.hpp"
#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {
namespace {

using Clock = std::chrono::steady_clock;

double ns_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

// Anonymous memory of its own, so that it goes back to the system at the end.
class Mapping {
 public:
  explicit Mapping(std::size_t bytes)
      : data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), bytes_(bytes) {
    if (data_ == MAP_FAILED) throw std::runtime_error("too little host memory to map");
  }
  ~Mapping() { munmap(data_, bytes_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  char* data() const { return static_cast<char*>(data_); }
  void touch() const {
    for (std::size_t i = 0; i < bytes_; i += 4096) data()[i] = 1;
  }

 private:
  void* data_;
  std::size_t bytes_;
};

// Reads every word by a kernel.
void read_all(Bench& bench, const char* from, std::size_t bytes, cudaStream_t stream) {
  KVPLAN_CUDA(launch_read_words(reinterpret_cast<const std::uint64_t*>(from), bytes / 8,
                                bench.pools().device_target.as<std::uint64_t>(), stream));
}

RunPoint named(const Bench& bench, const char* operation, std::size_t bytes) {
  return bench.point({{"operation", std::string(operation)}}, static_cast<std::int64_t>(bytes));
}

// Each repetition prepares outside the time and runs inside it.
void measure_after(Bench& bench, RunPoint point, const std::function<void()>& prepare,
                   const std::function<void()>& run) {
  std::vector<double> samples;
  for (int i = 0; i < 7 && !interrupt_wanted; ++i) {
    prepare();
    KVPLAN_CUDA(cudaDeviceSynchronize());
    const auto start = Clock::now();
    run();
    KVPLAN_CUDA(cudaDeviceSynchronize());
    samples.push_back(ns_since(start));
  }
  if (!samples.empty()) bench.record(std::move(point), samples);
}

}  // namespace

void managed_memory(Bench& bench) {
  const std::size_t bytes = std::min(std::size_t{256} << 20, bench.free_bytes() / 4);
  const Stream& stream = bench.main();
  if (std::get<std::int64_t>(bench.run().gpu["concurrent_managed_access"]) == 0) {
    bench.waive(named(bench, "managed", bytes), "this system has no concurrent access to managed memory");
  } else {
    const Buffer managed(Memory::managed, bytes);
    const auto to = [&](Side side) { KVPLAN_CUDA(prefetch(managed.data(), bytes, side, stream)); };
    to(Side::gpu);
    KVPLAN_CUDA(launch_fill_words(managed.as<std::uint64_t>(), bytes / 8, 9, stream));
    measure_after(
        bench, named(bench, "managed_prefetch_h2d", bytes), [&] { to(Side::host); }, [&] { to(Side::gpu); });
    measure_after(
        bench, named(bench, "managed_prefetch_d2h", bytes), [&] { to(Side::gpu); }, [&] { to(Side::host); });
    measure_after(
        bench, named(bench, "managed_fault_in", bytes), [&] { to(Side::host); },
        [&] { read_all(bench, managed.data(), bytes, stream); });
    measure_after(
        bench, named(bench, "managed_resident", bytes), [&] { to(Side::gpu); },
        [&] { read_all(bench, managed.data(), bytes, stream); });
  }
  const Mapping plain(bytes);
  plain.touch();
  if (std::get<std::int64_t>(bench.run().gpu["pageable_memory_access"]) == 0) {
    bench.waive(named(bench, "pageable_in_place", bytes), "kernels cannot read pageable memory on this system");
  } else {
    bench.measure(named(bench, "pageable_in_place", bytes),
                  {[&](cudaStream_t s, int) { read_all(bench, plain.data(), bytes, s); }});
  }
  bench.measure(named(bench, "pinned_in_place", bytes),
                {[&](cudaStream_t s, int) { read_all(bench, bench.pools().pinned_content.data(), bytes, s); }});
}

void pinning(Bench& bench) {
  constexpr std::size_t kBytes = std::size_t{512} << 20;
  std::vector<double> allocate, release, touch, enlist, delist;
  for (int i = 0; i < 6 && !interrupt_wanted; ++i) {
    auto start = Clock::now();
    {
      const Buffer pinned(Memory::pinned, kBytes);
      allocate.push_back(ns_since(start));
      start = Clock::now();
    }
    release.push_back(ns_since(start));
    const Mapping mapping(kBytes);
    start = Clock::now();
    mapping.touch();
    touch.push_back(ns_since(start));
    start = Clock::now();
    KVPLAN_CUDA(cudaHostRegister(mapping.data(), kBytes, cudaHostRegisterDefault));
    enlist.push_back(ns_since(start));
    start = Clock::now();
    KVPLAN_CUDA(cudaHostUnregister(mapping.data()));
    delist.push_back(ns_since(start));
  }
  if (allocate.empty()) return;
  bench.record(named(bench, "allocate_pinned", kBytes), allocate);
  bench.record(named(bench, "free_pinned", kBytes), release);
  bench.record(named(bench, "first_touch", kBytes), touch);
  bench.record(named(bench, "register", kBytes), enlist);
  bench.record(named(bench, "unregister", kBytes), delist);
}

}  // namespace kvplan::gpu

#include "validate/cuda/experiments/bench.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "validate/cuda/device/host_clock.hpp"
#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {

volatile int interrupt_wanted = 0;

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostBehindLatch = 512;
constexpr long long kLatchClocks = 1'000'000'000;  // about half a second
constexpr double kRegionNs = 200e3;                // events tell half a microsecond apart
constexpr std::size_t kMostSamples = 21, kLeastSamples = 6, kLeastSlowSamples = 3;

double seconds_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

}  // namespace

Bench::Bench(GpuRun& run, const Nvml& nvml, Matmul& matmul)
    : run_(run),
      nvml_(nvml),
      matmul_(matmul),
      latch_(Memory::pinned, 2 * sizeof(int)),
      wrong_(Memory::device, sizeof(unsigned long long)),
      random_(run.seed) {
  int device = 0;
  KVPLAN_CUDA(cudaGetDevice(&device));
  KVPLAN_CUDA(cudaDeviceGetAttribute(&processors_, cudaDevAttrMultiProcessorCount, device));
  KVPLAN_CUDA(load_attention_kernels());
  KVPLAN_CUDA(load_copy_kernels());
  KVPLAN_CUDA(load_fused_kernels());
}

void Bench::set_up() {
  pools_.bytes = std::size_t{quick() ? 512u : 1024u} << 20;
  pools_.seed = run_.seed * 1000003 + 17;
  pools_.pinned_content = Buffer(Memory::pinned, pools_.bytes);
  pools_.pinned_target = Buffer(Memory::pinned, pools_.bytes);
  pools_.device_content = Buffer(Memory::device, pools_.bytes);
  pools_.device_target = Buffer(Memory::device, pools_.bytes);
  const std::size_t words = pools_.bytes / 8;
  KVPLAN_CUDA(launch_fill_words(pools_.pinned_content.as<std::uint64_t>(), words, pools_.seed, main_));
  KVPLAN_CUDA(launch_fill_words(pools_.device_content.as<std::uint64_t>(), words, pools_.seed, main_));
  main_.wait();
  const auto until = Clock::now() + std::chrono::milliseconds(quick() ? 500 : 2000);
  while (Clock::now() < until) {  // an idle GPU runs at a fraction of its clocks
    KVPLAN_CUDA(launch_fill_words(pools_.device_target.as<std::uint64_t>(), words, 1, main_));
    if (matmul_.available()) {
      matmul_.run(MatrixType::bf16, pools_.device_content.data(), pools_.device_content.data(),
                  pools_.device_target.data(), 4096, 4096, 4096, main_);
    }
    main_.wait();
  }
}

double Bench::seconds_left() const { return interrupt_wanted ? 0 : seconds_between(Clock::now(), deadline_); }

void Bench::experiment(const PlannedExperiment& plan, double budget_s, const std::function<void()>& body) {
  experiment_ = std::string(plan.id);
  waived_ = 0;
  const auto start = Clock::now();
  deadline_ = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(budget_s));
  point_s_ = budget_s;
  RunExperiment entry{experiment_, std::string(plan.title), "done", "", budget_s, 0};
  std::fprintf(stderr, "%-4s %s\n", experiment_.c_str(), entry.title.c_str());
  const auto note = [&](const std::string& status, const std::string& reason) {
    entry.status = status;
    entry.reason = reason;
    entry.spent_s = seconds_between(start, Clock::now());
    run_.experiments.push_back(entry);
    if (!reason.empty()) std::fprintf(stderr, "     %s: %s\n", status.c_str(), reason.c_str());
  };
  try {
    body();
    KVPLAN_CUDA(cudaDeviceSynchronize());
    const std::string why = interrupt_wanted ? "interrupted" : std::to_string(waived_) + " points for want of time";
    note(waived_ > 0 ? "cut short" : "done", waived_ > 0 ? why : "");
  } catch (const std::exception& e) {
    cudaGetLastError();  // so that the next call does not report it again
    note("failed", e.what());
    const auto* cuda = dynamic_cast<const CudaError*>(&e);
    if (cuda != nullptr && cuda->fatal()) throw;
  }
}

void Bench::expect(std::size_t points) {
  point_s_ = std::max(0.0, seconds_left()) / static_cast<double>(std::max<std::size_t>(1, points));
}

RunPoint Bench::point(RunValues params, std::int64_t bytes, double flops) const {
  RunPoint p;
  p.experiment = experiment_.empty() ? "anchor" : experiment_;
  p.params = std::move(params);
  p.bytes = bytes;
  p.flops = flops;
  return p;
}

void Bench::waive(RunPoint point, const std::string& reason) {
  point.status = PointStatus::waived;
  point.reason = reason;
  run_.points.push_back(std::move(point));
}

double Bench::sample_ns(const Work& work, int rounds, bool latched, double& submit_ns) {
  volatile int* latch = latch_.as<volatile int>();
  latch[0] = 0;
  if (latched) KVPLAN_CUDA(launch_latch(latch, latch + 1, kLatchClocks, main_));
  KVPLAN_CUDA(cudaEventRecord(begin_, main_));
  const std::int64_t before = host_now_ns();
  for (int i = 0; i < rounds; ++i) work.enqueue(main_, round_++);
  submit_ns = static_cast<double>(host_now_ns() - before) / rounds;
  KVPLAN_CUDA(cudaEventRecord(end_, main_));
  latch[0] = 1;
  KVPLAN_CUDA(cudaDeviceSynchronize());
  float ms = 0;
  KVPLAN_CUDA(cudaEventElapsedTime(&ms, begin_, end_));
  return static_cast<double>(ms) * 1e6 / rounds;
}

std::vector<double> Bench::samples(RunPoint& point, const Work& work) {
  const auto start = Clock::now();
  volatile int* expired = latch_.as<volatile int>() + 1;
  const bool latched = work.operations <= kMostBehindLatch;
  // The first time loads what is loaded lazily, which would wait for the latch while it is held.
  double submit = 0;
  sample_ns(work, 1, false, submit);
  double last = sample_ns(work, 1, latched, submit);
  const int fit = work.one_round ? 1 : latched ? std::max(1, kMostBehindLatch / std::max(1, work.operations)) : 64;
  const int rounds = std::clamp(static_cast<int>(std::ceil(kRegionNs / std::max(last, 100.0))), 1, fit);
  for (int warm = 0; warm < 8; ++warm) {  // until two in succession agree
    const double time = sample_ns(work, rounds, latched, submit);
    const bool steady = std::abs(time - last) < 0.02 * time;
    last = time;
    if (steady || seconds_between(start, Clock::now()) > 0.4 * point_s_) break;
  }
  *expired = 0;
  const double so_far = seconds_between(start, Clock::now());
  const std::size_t least = so_far > 0.5 * point_s_ ? kLeastSlowSamples : kLeastSamples;
  std::vector<double> taken, submits;
  while (taken.size() < kMostSamples) {
    taken.push_back(sample_ns(work, rounds, latched, submit));
    submits.push_back(submit);
    if (taken.size() < least) continue;
    if (seconds_between(start, Clock::now()) > point_s_) break;
    if (taken.size() >= 9 && relative_half_width(sample_summary(taken)) < 0.005) break;
  }
  point.submit_ns = sample_summary(submits).median;
  point.params["latched"] = latched;
  point.params["rounds"] = std::int64_t{rounds};
  if (*expired != 0) {
    point.status = PointStatus::suspect;
    point.reason = "the latch expired: the queue was full, or the host was slow";
  }
  return taken;
}

void Bench::judge_sample(RunPoint& point) const {
  const auto doubt = [&](const std::string& why) {
    point.status = PointStatus::suspect;
    point.reason += (point.reason.empty() ? "" : "; ") + why;
  };
  // Products run into the power cap on a healthy card and slow down a little: that is how fast it is.
  if (point.sm_mhz_before > 0 && point.sm_mhz_after < 0.8 * static_cast<double>(point.sm_mhz_before)) {
    doubt("the SM clock fell from " + std::to_string(point.sm_mhz_before) + " to " +
          std::to_string(point.sm_mhz_after) + " MHz");
  }
  if (point.throttle.find("thermal") != std::string::npos || point.throttle.find("hardware") != std::string::npos) {
    doubt("throttled: " + point.throttle);
  }
  if (point.verify == "wrong") {
    point.status = PointStatus::failed;
    point.reason = "wrong bytes arrived";
    point.samples_ns.clear();
  }
}

bool Bench::measure(RunPoint point, const Work& work) {
  if (seconds_left() <= 0) {
    ++waived_;
    waive(std::move(point), interrupt_wanted ? "interrupted" : "time budget");
    return false;
  }
  try {
    if (work.verify) point.verify = work.verify() ? "ok" : "wrong";
    point.sm_mhz_before = nvml_.sm_mhz();
    point.samples_ns = samples(point, work);
    point.sm_mhz_after = nvml_.sm_mhz();
    point.throttle = nvml_.throttle();
    judge_sample(point);
  } catch (const std::exception& e) {
    const auto* cuda = dynamic_cast<const CudaError*>(&e);
    point.samples_ns.clear();
    point.status = PointStatus::failed;
    point.reason = e.what();
    run_.points.push_back(std::move(point));
    if (cuda != nullptr && cuda->fatal()) throw;
    cudaGetLastError();
    cudaDeviceSynchronize();
    return false;
  }
  const bool measured = point.measured();
  run_.points.push_back(std::move(point));
  return measured;
}

void Bench::record(RunPoint point, std::vector<double> samples_ns) {
  point.samples_ns = std::move(samples_ns);
  point.throttle = nvml_.throttle();
  point.sm_mhz_before = point.sm_mhz_after = nvml_.sm_mhz();
  judge_sample(point);
  run_.points.push_back(std::move(point));
}

double Bench::median_ns(const std::string& experiment, const RunValues& params) const {
  for (const RunPoint& p : run_.points) {
    if (p.experiment != experiment || !p.measured()) continue;
    const bool all = std::all_of(params.begin(), params.end(), [&](const auto& wanted) {
      const auto at = p.params.find(wanted.first);
      return at != p.params.end() && at->second == wanted.second;
    });
    if (all) return p.summary().median;
  }
  return 0;
}

std::size_t Bench::free_bytes() const {
  std::size_t free = 0, total = 0;
  KVPLAN_CUDA(cudaMemGetInfo(&free, &total));
  return free;
}

bool Bench::holds(const void* at, const std::vector<std::uint32_t>& source, std::size_t segment_bytes) {
  const Buffer map = upload(source);
  KVPLAN_CUDA(cudaMemsetAsync(wrong_.data(), 0, wrong_.bytes(), main_));
  KVPLAN_CUDA(launch_count_wrong(static_cast<const std::uint64_t*>(at), map.as<std::uint32_t>(), segment_bytes / 8,
                                 source.size(), pools_.seed, wrong_.as<unsigned long long>(), main_));
  unsigned long long wrong = 1;
  KVPLAN_CUDA(cudaMemcpyAsync(&wrong, wrong_.data(), sizeof wrong, cudaMemcpyDeviceToHost, main_));
  main_.wait();
  return wrong == 0;
}

void measure_anchors(Bench& bench, const char* when) {
  Pools& pools = bench.pools();
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  const std::string at = when;
  bench.measure(bench.point({{"anchor", std::string("h2d")}, {"when", at}}, kBytes), {[&](cudaStream_t s, int) {
                  KVPLAN_CUDA(cudaMemcpyAsync(pools.device_target.data(), pools.pinned_content.data(), kBytes,
                                              cudaMemcpyDefault, s));
                }});
  bench.measure(bench.point({{"anchor", std::string("d2d")}, {"when", at}}, kBytes), {[&](cudaStream_t s, int) {
                  KVPLAN_CUDA(cudaMemcpyAsync(pools.device_target.data(), pools.device_content.data(), kBytes,
                                              cudaMemcpyDefault, s));
                }});
  if (!bench.matmul().available()) return;
  bench.matmul().prepare(MatrixType::bf16, 4096, 4096, 4096);
  bench.measure(bench.point({{"anchor", std::string("gemm")}, {"when", at}}, 0, 2.0 * 4096 * 4096 * 4096),
                {[&](cudaStream_t s, int) {
                  bench.matmul().run(MatrixType::bf16, pools.device_content.data(), pools.device_content.data(),
                                     pools.device_target.data(), 4096, 4096, 4096, s);
                }});
}

}  // namespace kvplan::gpu

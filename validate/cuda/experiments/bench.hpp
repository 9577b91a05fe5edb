// Measures points of a run: enqueues work behind a latch, times it by events,
// repeats it until the median is known, checks what was moved, and notes clocks
// and throttling. Everything an experiment needs of the machine is here.
//
// Invariants: every point asked for enters the run, measured or with the reason
// why not; no experiment outlasts its budget by more than one point; a failing
// CUDA call fails its point, and only a lost context ends the run.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "validate/cuda/device/cuda.hpp"
#include "validate/cuda/device/matmul.hpp"
#include "validate/cuda/device/nvml.hpp"
#include "validate/gpu_run/gpu_run.hpp"
#include "validate/gpu_run/plan.hpp"

namespace kvplan::gpu {

struct Work {
  // Puts the work once on `stream`; `round` counts up, so that buffers can rotate and caches see a working set.
  std::function<void(cudaStream_t stream, int round)> enqueue;
  // Launches and copies of one enqueue. Behind a latch only some hundred fit into a queue: beyond that the host's
  // submission is part of the time, and the point says so (params.latched).
  int operations = 1;
  // Timed one round at a time: each leaves copies running on other streams, which the next round would wait for.
  bool one_round = false;
  // Runs once on poisoned targets and compares; empty: nothing to check.
  std::function<bool()> verify = {};
};

// Contents that can be checked, and targets for them, on both sides of the link.
struct Pools {
  std::size_t bytes = 0;
  std::uint64_t seed = 0;
  Buffer pinned_content, pinned_target, device_content, device_target;
};

// 1 while the user wants the run to end; set from a signal handler.
extern volatile int interrupt_wanted;

class Bench {
 public:
  Bench(GpuRun& run, const Nvml& nvml, Matmul& matmul);

  // Allocates and fills the pools and warms the clocks. Throws CudaError.
  void set_up();

  // Runs `body` within `budget_s` and notes how it ended in the run's experiments.
  void experiment(const PlannedExperiment& plan, double budget_s, const std::function<void()>& body);
  // How many points share the rest of the budget; each then takes only its part of it.
  void expect(std::size_t points);

  // False when the point was not measured: no time, a failure, wrong bytes.
  bool measure(RunPoint point, const Work& work);
  // Samples taken by the experiment itself, such as host times.
  void record(RunPoint point, std::vector<double> samples_ns);
  void waive(RunPoint point, const std::string& reason);
  RunPoint point(RunValues params, std::int64_t bytes = 0, double flops = 0) const;
  // Median of a measured point whose params contain these, in ns; 0 where there is none.
  double median_ns(const std::string& experiment, const RunValues& params) const;

  bool quick() const { return run_.quick; }
  GpuRun& run() { return run_; }
  Matmul& matmul() { return matmul_; }
  Pools& pools() { return pools_; }
  int processors() const { return processors_; }
  std::mt19937_64& random() { return random_; }
  const Stream& main() const { return main_; }
  const Stream& loads() const { return loads_; }
  const Stream& stores() const { return stores_; }
  std::size_t free_bytes() const;

  // Whether segment i of `at` (on either side) holds segment source[i] of the pools' contents.
  bool holds(const void* at, const std::vector<std::uint32_t>& source, std::size_t segment_bytes);

 private:
  double seconds_left() const;
  double sample_ns(const Work& work, int rounds, bool latched, double& submit_ns);
  std::vector<double> samples(RunPoint& point, const Work& work);
  void judge_sample(RunPoint& point) const;

  GpuRun& run_;
  const Nvml& nvml_;
  Matmul& matmul_;
  Pools pools_;
  Stream main_, loads_, stores_;
  Event begin_, end_;
  Buffer latch_;  // int latch, int expired
  Buffer wrong_;
  std::mt19937_64 random_;
  int processors_ = 1;
  int round_ = 0;
  std::string experiment_;
  std::chrono::steady_clock::time_point deadline_;
  double point_s_ = 1;
  int waived_ = 0;
};

// Contiguous copies and a product, measured before and after everything else: how far the machine drifted.
void measure_anchors(Bench& bench, const char* when);

}  // namespace kvplan::gpu

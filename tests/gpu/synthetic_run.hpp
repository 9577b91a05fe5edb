// A run by a device that is a formula, written by the same code as kvplan-gpu's
// and labelled as synthetic: what reads runs can then be judged by a known law.
#pragma once

#include <cmath>

#include "validate/gpu_run/gpu_run.hpp"

namespace kvplan {

struct DeviceLaw {
  double copy_fixed_s = 3.4e-6, copy_bytes_per_s = 51.8e9;
  double peak_flops_per_s = 700e12, hbm_bytes_per_s = 2.7e12, launch_s = 2e-6;
  double decode_slowed_by_copies = 1.04;

  double copy_s(double bytes) const { return copy_fixed_s + bytes / copy_bytes_per_s; }
  double gemm_s(double m, double n, double k) const {
    const double compute = 2 * m * n * k / peak_flops_per_s, memory = 2 * (m * k + n * k + m * n) / hbm_bytes_per_s;
    return launch_s + (compute > memory ? compute : memory);
  }
};

// 21 samples around a time, symmetric, so that their median is the time itself.
inline std::vector<double> samples_around(double seconds) {
  std::vector<double> out;
  for (int i = -10; i <= 10; ++i) out.push_back(seconds * 1e9 * (1 + 0.0005 * ((7 * i) % 11)));
  return out;
}

inline RunPoint synthetic_point(const char* experiment, RunValues params, double seconds, std::int64_t bytes = 0) {
  RunPoint p;
  p.experiment = experiment;
  p.params = std::move(params);
  p.bytes = bytes;
  p.samples_ns = samples_around(seconds);
  p.verify = "ok";
  p.throttle = "none";
  p.sm_mhz_before = p.sm_mhz_after = 1755;
  return p;
}

inline GpuRun synthetic_run(const DeviceLaw& law = {}) {
  using std::string;
  const auto n = [](std::int64_t v) { return v; };
  GpuRun run;
  run.id = "synthetic";
  run.utc = "2026-01-01T00:00:00Z";
  run.version = "test";
  run.arguments = {"kvplan-gpu", "measure"};
  run.complete = run.synthetic = true;
  run.gpu = {{"name", string("Formula GPU")}, {"uuid", string("GPU-0")}, {"multiprocessors", n(132)}};
  run.host = {{"memory_bytes", n(1) << 37}};
  run.experiments = {{"X1", "contiguous copies", "done", "", 12, 1.5},
                     {"X2", "segments", "cut short", "time budget", 2, 2.1}};
  for (std::int64_t bytes = 4096; bytes <= 256 << 20; bytes *= 4) {
    run.points.push_back(synthetic_point("X1", {{"dir", string("h2d")}, {"memory", string("pinned")}},
                                         law.copy_s(static_cast<double>(bytes)), bytes));
  }
  for (const std::int64_t segment : {32 << 10, 2 << 20}) {
    RunPoint p = synthetic_point(
        "X2", {{"dir", string("h2d")}, {"method", string("dma")}, {"segment_bytes", segment}, {"segments", n(64)}},
        64 * law.copy_s(static_cast<double>(segment)), 64 * segment);
    p.submit_ns = 64 * 1200;
    run.points.push_back(p);
  }
  for (const char* aggressor : {"none", "h2d dma"}) {
    const double factor = string(aggressor) == "none" ? 1 : law.decode_slowed_by_copies;
    run.points.push_back(
        synthetic_point("X5", {{"victim", string("decode")}, {"aggressor", string(aggressor)}}, 8e-3 * factor));
  }
  for (const std::int64_t m : {1, 64, 4096}) {
    run.points.push_back(synthetic_point("X7",
                                         {{"dtype", string("bfloat16")}, {"m", m}, {"n", n(6144)}, {"k", n(4096)}},
                                         law.gemm_s(static_cast<double>(m), 6144, 4096)));
  }
  const RunValues heads{{"heads", n(32)}, {"kv_heads", n(8)}, {"head_dim", n(128)}};
  for (const std::int64_t prefix : {0, 4096}) {
    RunValues v{{"batch", n(1)}, {"new_tokens", n(512)}, {"prefix", prefix}, {"kernel", string("mma_128")}};
    v.insert(heads.begin(), heads.end());
    run.points.push_back(synthetic_point("X8", v, 1e-4 * static_cast<double>(1 + prefix / 1024)));
  }
  RunValues v{{"batch", n(16)}, {"kv_tokens", n(8192)}, {"page_tokens", n(16)}, {"layout", string("layer-first NHD")}};
  v.insert(heads.begin(), heads.end());
  run.points.push_back(synthetic_point("X9", v, 2.5e-4));
  run.points.push_back(
      synthetic_point("X10", {{"kernel", string("rms_norm")}, {"tokens", n(64)}, {"width", n(4096)}}, 3e-6));
  RunPoint doubtful = synthetic_point("X9", v, 9e-4);
  doubtful.status = PointStatus::suspect;
  doubtful.reason = "SM clock fell by 20 %";
  run.points.push_back(doubtful);
  RunPoint waived;
  waived.experiment = "X2";
  waived.status = PointStatus::waived;
  waived.reason = "time budget";
  run.points.push_back(waived);
  run.checks = {{"drift_rel", 0.004}};
  return run;
}

}  // namespace kvplan

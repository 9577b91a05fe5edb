// A run of kvplan-gpu: schema kvplan.gpu-run/1, described by gpu_run.schema.json
// and docs/gpu-harness.md. kvplan-gpu writes it, everything else reads it.
//
// Invariants: a point with samples has status ok or suspect, and its summary is
// that of the samples; a point without has status waived or failed and a reason.
// A suspect point has a reason too and is never fitted in silence. Times are in
// nanoseconds. What was measured on one device is never mixed with another's:
// the uuid says which.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "validate/gpu_run/statistics.hpp"

namespace kvplan {

using RunValue = std::variant<bool, std::int64_t, double, std::string>;
using RunValues = std::map<std::string, RunValue>;

// An absent key is 0, "" or false.
std::int64_t whole(const RunValues&, const std::string& key);
double number(const RunValues&, const std::string& key);
std::string text(const RunValues&, const std::string& key);
bool flag(const RunValues&, const std::string& key);

enum class PointStatus { ok, suspect, waived, failed };

struct RunPoint {
  std::string experiment;  // "X2"
  PointStatus status = PointStatus::ok;
  std::string reason;      // why not ok
  RunValues params;        // what was measured; docs/gpu-harness.md lists the keys of each experiment
  std::int64_t bytes = 0;  // moved or read, counted once; 0 where that says nothing
  double flops = 0;
  std::vector<double> samples_ns;
  double submit_ns = 0;                              // median host time to enqueue it; 0: not measured
  std::string verify = "none";                       // "ok", "wrong", "none"
  std::int64_t sm_mhz_before = 0, sm_mhz_after = 0;  // 0: unknown
  std::string throttle = "unknown";                  // "none", or what NVML named

  bool measured() const { return !samples_ns.empty(); }
  SampleSummary summary() const { return sample_summary(samples_ns); }
};

// Something about the machine that bears on how far its figures can be trusted.
struct RunFinding {
  std::string code;      // docs/gpu-harness.md lists them
  bool refuses = false;  // nothing can be measured at all
  std::string message;
};

struct RunExperiment {
  std::string id, title, status, reason;  // status: "done", "cut short", "failed", "not run"
  double budget_s = 0, spent_s = 0;
};

struct GpuRun {
  std::string path;  // that it was read from
  std::string id, utc, version;
  std::vector<std::string> arguments;
  std::uint64_t seed = 1;
  bool quick = false;
  bool complete = false;
  bool synthetic = false;  // made by a formula, not by a GPU: for tests, never for a calibration
  RunValues gpu, host;
  std::vector<RunFinding> findings;
  std::vector<RunExperiment> experiments;
  std::vector<RunPoint> points;
  RunValues checks;  // drift_rel, layer_extrapolation_error, ...
};

std::string to_json_text(const GpuRun&);

// To a neighbour of `path` and then over it, so that a reader never sees half a run. Throws std::runtime_error.
void write_gpu_run(const GpuRun&, const std::string& path);

}  // namespace kvplan

#include "validate/cuda/measure.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <optional>

#include "validate/cuda/device/machine.hpp"
#include "validate/cuda/exit_codes.hpp"
#include "validate/cuda/experiments/bench.hpp"
#include "validate/cuda/experiments/experiments.hpp"
#include "validate/cuda/kernels/launch.hpp"
#include "validate/gpu_run/targets.hpp"

namespace kvplan::gpu {
namespace {

// In the order of kExperiments.
constexpr void (*kBodies[])(Bench&) = {
    contiguous_copies,      scattered_segments, duplex_copies,   copy_behind_copies,
    interference,           repacking,          matrix_products, prefill_attention_times,
    decode_attention_times, small_kernels,      layer_stacks,    layerwise_loading,
    partial_recompute,      file_tier,          managed_memory,  pinning};
static_assert(std::size(kBodies) == kExperiments.size());

// Why an experiment is not to run; empty when it is.
std::string why_not(const MeasureOptions& o, const PlannedExperiment& e) {
  if (interrupt_wanted) return "interrupted";
  const bool named = std::find(o.only.begin(), o.only.end(), e.id) != o.only.end();
  if (!o.only.empty() && !named) return "not asked for (--only)";
  if (e.id == "X15" && !o.managed) return "managed memory only with --managed";
  if (o.quick && e.quick_s == 0 && !named) return "not part of --quick";
  return "";
}

// The largest change of an anchor from the beginning to the end, where one was measured at both.
void note_drift(GpuRun& run, const Bench& bench) {
  std::optional<double> drift;
  for (const char* anchor : {"h2d", "d2d", "gemm"}) {
    const double before = bench.median_ns("anchor", {{"anchor", std::string(anchor)}, {"when", std::string("begin")}});
    const double after = bench.median_ns("anchor", {{"anchor", std::string(anchor)}, {"when", std::string("end")}});
    if (before <= 0 || after <= 0) continue;
    const double change = after / before - 1;
    if (!drift || std::abs(change) > std::abs(*drift)) drift = change;
  }
  if (!drift) return;
  run.checks["drift_rel"] = *drift;
  if (std::abs(*drift) > 0.02) {
    run.findings.push_back(
        {"drift", false,
         "an anchor changed by " + std::to_string(100 * *drift) + " % during the run; figures are doubtful"});
  }
}

void measure_all(Bench& bench, GpuRun& run, const MeasureOptions& options) {
  const auto anchors = [&](const char* when) {
    const PlannedExperiment plan{"anchor", "anchors", 3, 3};
    bench.experiment(plan, plan.full_s, [&] { measure_anchors(bench, when); });
    run.experiments.pop_back();  // a check of the run, not an experiment
  };
  bench.set_up();
  anchors("begin");
  for (std::size_t i = 0; i < kExperiments.size(); ++i) {
    const PlannedExperiment& e = kExperiments[i];
    const std::string reason = why_not(options, e);
    if (!reason.empty()) {
      run.experiments.push_back({std::string(e.id), std::string(e.title), "not run", reason, 0, 0});
      continue;
    }
    bench.experiment(e, options.quick && e.quick_s > 0 ? e.quick_s : e.full_s, [&] { kBodies[i](bench); });
    write_gpu_run(run, options.out);
  }
  if (!interrupt_wanted) anchors("end");
  note_drift(run, bench);
}

// A busy or held-back GPU makes every figure doubtful, whatever each point looked like.
void doubt_points(GpuRun& run) {
  for (const RunFinding& f : run.findings) {
    if (f.code != "busy" && f.code != "throttled") continue;
    for (RunPoint& p : run.points) {
      if (p.status != PointStatus::ok) continue;
      p.status = PointStatus::suspect;
      p.reason = f.message;
    }
  }
}

int outcome(const GpuRun& run) {
  std::size_t count[4] = {};
  for (const RunPoint& p : run.points) ++count[static_cast<int>(p.status)];
  const std::size_t failed = count[static_cast<int>(PointStatus::failed)];
  std::fprintf(stderr, "%zu points: %zu ok, %zu suspect, %zu waived, %zu failed\n", run.points.size(), count[0],
               count[1], count[2], failed);
  std::fputs(to_text(targets_of(run)).c_str(), stdout);
  if (interrupt_wanted) return kInterrupted;
  for (const RunExperiment& e : run.experiments) {
    if (e.status == "failed") return kSomeFailed;
  }
  return failed > 0 ? kSomeFailed : 0;
}

}  // namespace

int measure(const MeasureOptions& options) {
  const Nvml nvml(bus_id());
  Matmul matmul;
  const Machine machine = inspect_machine(nvml, matmul);
  GpuRun run;
  run.utc = utc_now();
  run.version = KVPLAN_VERSION;
  run.arguments = options.arguments;
  run.seed = options.seed;
  run.quick = options.quick;
  run.synthetic = kernels_are_emulated();
  run.findings = machine.findings;
  run.gpu = machine.gpu;
  run.host = machine.host;
  run.id = run.utc + " " + text(run.gpu, "uuid");
  write_gpu_run(run, options.out);
  if (machine.refuses()) return kCannotMeasure;
  std::signal(SIGINT, [](int) { interrupt_wanted = 1; });
  std::signal(SIGTERM, [](int) { interrupt_wanted = 1; });
  bool lost = false;
  try {
    Bench bench(run, nvml, matmul);
    measure_all(bench, run, options);
  } catch (const CudaError& e) {
    lost = true;
    run.findings.push_back({e.fatal() ? "context_lost" : "cuda", false, e.what()});
    std::fprintf(stderr, "error: %s\n", e.what());
  }
  run.complete = !lost && !interrupt_wanted;
  doubt_points(run);
  write_gpu_run(run, options.out);
  const int code = outcome(run);
  return lost ? kCudaFailed : code;
}

}  // namespace kvplan::gpu

#include "models/fitting/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "models/fitting/gpu_run_figures.hpp"

namespace kvplan {
namespace {

// What host work is unless servers were measured: known backends lie between a third of vLLM's and it.
constexpr double kHostLow = 0.35, kHostHigh = 1.3;
constexpr double kElementwiseLow = 0.6, kElementwiseHigh = 0.95;

void check_device(const OperatorTables& tables, const Hardware& hardware) {
  check_gpu_kind(tables.device, tables.device_file, hardware);
  for (const GpuRun& run : tables.gpu_runs) check_gpu(run, run.path, hardware);
}

// Multiprocessors: as told, else those of the GPU that was measured.
double sms_of(const OperatorTables& tables, const CalibrateOptions& o) {
  constexpr double kHopper = 132;
  if (o.sms > 0) return o.sms;
  for (const GpuRun& run : tables.gpu_runs) {
    const std::int64_t sms = whole(run.gpu, "multiprocessors");
    if (sms > 0) return static_cast<double>(sms);
  }
  return kHopper;
}

bool chosen_by_name(const MeasuredSet& s, const CalibrateOptions& o) {
  return std::find(o.kernels.begin(), o.kernels.end(), s.kernel) != o.kernels.end();
}

void check_kernels(const OperatorTables& tables, const CalibrateOptions& o) {
  std::vector<std::string> known;
  for (const MeasuredSet& s : tables.sets) known.push_back(s.kernel);
  for (const std::string& k : o.kernels) {
    if (std::find(known.begin(), known.end(), k) == known.end())
      throw UsageError(fmt::format("no rows of a kernel \"{}\"", k), suggestion(k, known));
  }
}

void check_only(const CalibrateOptions& o) {
  std::vector<std::string> known;
  for (std::size_t op = 0; op < kOperators; ++op) known.emplace_back(form_of(static_cast<Operator>(op)).name);
  for (const std::string& name : o.only) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw UsageError(fmt::format("--only names no operator: \"{}\"", name), suggestion(name, known));
  }
}

bool wanted(const MeasuredSet& s, const CalibrateOptions& o) {
  return o.only.empty() || std::find(o.only.begin(), o.only.end(), form_of(s.op).name) != o.only.end();
}

// One an operator and dtype: the one named, else the one with most rows, else the first.
std::vector<const MeasuredSet*> choose(const OperatorTables& tables, const CalibrateOptions& o,
                                       std::vector<std::string>& warnings) {
  std::vector<const MeasuredSet*> chosen;
  const auto rank = [&](const MeasuredSet& s) { return std::pair(chosen_by_name(s, o), s.rows.size()); };
  for (const MeasuredSet& s : tables.sets) {
    if (!wanted(s, o)) continue;
    const auto rival = std::find_if(chosen.begin(), chosen.end(),
                                    [&](const MeasuredSet* c) { return c->op == s.op && c->dtype == s.dtype; });
    if (rival == chosen.end()) {
      chosen.push_back(&s);
    } else if (rank(s) > rank(**rival)) {
      *rival = &s;
    }
  }
  for (const MeasuredSet& s : tables.sets) {
    if (wanted(s, o) && std::find(chosen.begin(), chosen.end(), &s) == chosen.end())
      warnings.push_back(fmt::format("{} {}: {} rows of {} are left out, one kernel is fitted at a time (--kernel)",
                                     form_of(s.op).name, name_of(s.dtype), s.rows.size(), s.kernel));
  }
  std::sort(chosen.begin(), chosen.end(), [](const MeasuredSet* a, const MeasuredSet* b) {
    return std::pair(a->op, a->dtype) < std::pair(b->op, b->dtype);
  });
  return chosen;
}

Peaks peaks_of(const MeasuredSet& s, const Hardware& h, double sms) {
  const bool fp8_product = s.op == Operator::gemm && s.dtype == Dtype::fp8;
  return {(fp8_product ? h.gpu.fp8_flops : h.gpu.bf16_flops).value, h.gpu.hbm_bytes_per_s.value,
          h.gpu.peer_bytes_per_s.value, sms, bytes_per_element(s.dtype)};
}

HostFit host_of(const Hardware& h) {
  const auto around = [](const char* name, double value) {
    return Coefficient{name, value, value * kHostLow, value * kHostHigh};
  };
  HostFit host;
  const double e = h.gpu.hbm_efficiency.value;
  host.elementwise_efficiency = {"elementwise_efficiency", e, std::min(e, kElementwiseLow), std::max(e, kElementwiseHigh)};
  host.step_s = around("step_s", h.gpu.step_host_s.value);
  host.sequence_s = around("sequence_s", h.gpu.sequence_host_s.value);
  host.source = h.gpu.step_host_s.source;
  return host;
}

// Operators and host work that were not measured here.
void take_from_base(Calibration& c, const Calibration& base) {
  if (base.gpu != c.gpu) {
    throw InputError(Diagnostic{"", 0, 0, fmt::format("the base {} is of {}, but the hardware has {}", base.name, base.gpu, c.gpu),
                                "name a calibration of the same GPU with --base"});
  }
  for (const OperatorFit& f : base.fits) {
    if (c.find(f.op, f.dtype) != nullptr) continue;
    c.fits.push_back(f);
    c.warnings.push_back(fmt::format("{} {} is taken from {}, not measured here", form_of(f.op).name, name_of(f.dtype), base.name));
  }
  std::sort(c.fits.begin(), c.fits.end(),
            [](const OperatorFit& a, const OperatorFit& b) { return std::pair(a.op, a.dtype) < std::pair(b.op, b.dtype); });
  c.host = base.host;
  c.sources.insert(c.sources.end(), base.sources.begin(), base.sources.end());
  c.synthetic = c.synthetic || base.synthetic;
}

void take_from_runs(Calibration& c, const std::vector<GpuRun>& runs) {
  for (const GpuRun& run : runs) {
    const SmallKernels small = small_kernels_of(run, c.hbm_bytes_per_s);
    if (small.rows == 0) continue;
    c.host.elementwise_efficiency = small.efficiency;
    c.host.elementwise_source = fmt::format("{} times of norm, rotation and activation in {}", small.rows, run.id);
  }
  for (const GpuRun& run : runs) {
    const auto checks = check_stacks(run, c);
    c.checks.insert(c.checks.end(), checks.begin(), checks.end());
  }
}

struct Outcome {
  std::optional<FitResult> result;
  std::vector<Diagnostic> findings;
};

std::vector<Outcome> fit_all(const std::vector<const MeasuredSet*>& sets, const Hardware& h, double sms,
                             const CalibrateOptions& o) {
  std::vector<Outcome> outcomes(sets.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < sets.size(); i = next++) {
      try {
        outcomes[i].result = fit_operator(*sets[i], peaks_of(*sets[i], h, sms), o.fit);
      } catch (const InputError& e) {
        outcomes[i].findings = e.findings();
      }
    }
  };
  std::vector<std::thread> pool;
  for (unsigned t = 1; t < o.threads; ++t) pool.emplace_back(work);
  work();
  for (std::thread& t : pool) t.join();
  return outcomes;
}

}  // namespace

Calibration calibrate(const OperatorTables& tables, const Hardware& hardware, const CalibrateOptions& o) {
  check_device(tables, hardware);
  check_kernels(tables, o);
  check_only(o);
  Calibration c;
  c.name = o.name, c.date = o.date, c.made_by = o.made_by;
  c.hardware = hardware.name, c.gpu = hardware.gpu.name;
  c.title = "Operators of " + hardware.gpu.name;
  c.hbm_bytes_per_s = hardware.gpu.hbm_bytes_per_s.value;
  c.host = host_of(hardware);
  for (const auto& [file, sha256] : tables.sha256) c.sources.push_back(fmt::format("{} (sha256 of its text {})", file, sha256));
  c.warnings = tables.warnings;
  for (const auto& [why, rows] : tables.left_out) c.warnings.push_back(fmt::format("{}: {} rows are left out", why, rows));
  const auto sets = choose(tables, o, c.warnings);
  std::vector<Diagnostic> findings;
  std::vector<Outcome> outcomes = fit_all(sets, hardware, sms_of(tables, o), o);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    findings.insert(findings.end(), outcomes[i].findings.begin(), outcomes[i].findings.end());
    if (!outcomes[i].result) continue;
    FitResult& r = *outcomes[i].result;
    std::vector<std::string> files;
    for (const std::string& path : sets[i]->files) files.push_back(path.substr(path.rfind('/') + 1));
    r.fit.source = fmt::format("{}, kernel {}", fmt::join(files, ", "), r.fit.kernel);
    c.warnings.insert(c.warnings.end(), r.warnings.begin(), r.warnings.end());
    c.fits.push_back(std::move(r.fit));
  }
  if (!findings.empty()) throw InputError(std::move(findings));
  if (c.fits.empty()) {
    throw InputError(Diagnostic{"", 0, 0, "no rows of an operator to fit", "give tables of operators, or leave out --only"});
  }
  c.synthetic = tables.synthetic;
  if (o.base) take_from_base(c, *o.base);
  take_from_runs(c, tables.gpu_runs);
  return c;
}

}  // namespace kvplan

#include "models/fitting/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

namespace kvplan {
namespace {

// What host work is unless servers were measured: known backends lie between a third of vLLM's and it.
constexpr double kHostLow = 0.35, kHostHigh = 1.3;
constexpr double kElementwiseLow = 0.6, kElementwiseHigh = 0.95;

void check_device(const OperatorTables& tables, const Hardware& hardware) {
  if (tables.device.empty() || hardware.name.find("-" + tables.device) != std::string::npos ||
      hardware.name.rfind(tables.device, 0) == 0) {
    return;
  }
  throw InputError(Diagnostic{"", 0, 0, fmt::format("these are times of {}, but the hardware is {}", tables.device, hardware.name),
                              "name the hardware that was measured with --hardware"});
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

// One an operator and dtype: the one named, else the one with most rows, else the first.
std::vector<const MeasuredSet*> choose(const OperatorTables& tables, const CalibrateOptions& o,
                                       std::vector<std::string>& warnings) {
  std::vector<const MeasuredSet*> chosen;
  const auto rank = [&](const MeasuredSet& s) { return std::pair(chosen_by_name(s, o), s.rows.size()); };
  for (const MeasuredSet& s : tables.sets) {
    const auto rival = std::find_if(chosen.begin(), chosen.end(),
                                    [&](const MeasuredSet* c) { return c->op == s.op && c->dtype == s.dtype; });
    if (rival == chosen.end()) {
      chosen.push_back(&s);
    } else if (rank(s) > rank(**rival)) {
      *rival = &s;
    }
  }
  for (const MeasuredSet& s : tables.sets) {
    if (std::find(chosen.begin(), chosen.end(), &s) == chosen.end())
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

struct Outcome {
  std::optional<FitResult> result;
  std::vector<Diagnostic> findings;
};

std::vector<Outcome> fit_all(const std::vector<const MeasuredSet*>& sets, const Hardware& h, const CalibrateOptions& o) {
  std::vector<Outcome> outcomes(sets.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < sets.size(); i = next++) {
      try {
        outcomes[i].result = fit_operator(*sets[i], peaks_of(*sets[i], h, o.sms), o.fit);
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
  Calibration c;
  c.name = o.name, c.date = o.date, c.made_by = o.made_by;
  c.hardware = hardware.name, c.gpu = hardware.gpu.name;
  c.title = "Operators of " + hardware.gpu.name;
  c.hbm_bytes_per_s = hardware.gpu.hbm_bytes_per_s.value;
  c.host = host_of(hardware);
  for (const auto& [file, sha256] : tables.sha256) c.sources.push_back(fmt::format("{} (sha256 of its text {})", file, sha256));
  for (const auto& [why, rows] : tables.left_out) c.warnings.push_back(fmt::format("{}: {} rows are left out", why, rows));
  const auto sets = choose(tables, o, c.warnings);
  std::vector<Diagnostic> findings;
  std::vector<Outcome> outcomes = fit_all(sets, hardware, o);
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
  return c;
}

}  // namespace kvplan

#include "validate/server_calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.hpp"
#include "models/operators/step_model.hpp"

namespace kvplan {
namespace {

constexpr std::size_t kLeastJudged = 4;

void check(const std::vector<ServerRow>& rows, const std::string& path, const Hardware& hardware,
           const OperatorModel& base) {
  std::vector<Diagnostic> findings;
  std::set<std::string> servers, gaps;
  for (const ServerRow& r : rows) {
    servers.insert(fmt::format("\"{}\"", r.server()));
    if (hardware_of_system(r.system) != hardware.name && findings.size() < 20) {
      findings.push_back({path, r.line, 0, fmt::format("a row of {}, but the hardware is {}", r.system, hardware.name),
                          "calibrate one kind of GPU at a time, and name it with --hardware"});
    }
  }
  if (servers.size() > 1) {
    findings.push_back({path, 0, 0, fmt::format("rows of {} servers: {}", servers.size(), fmt::join(servers, ", ")),
                        "each has constants of its own: choose one with --server"});
  }
  const Architecture model = load_architecture(model_of_id(rows.front().model));
  for (const ServerRow& r : rows) {
    const std::string gap = calibration_gap(base, model, r.tp, r.weights, Dtype::bf16);
    if (!gap.empty() && gaps.insert(gap).second) {
      findings.push_back({path, r.line, 0, fmt::format("the base does not cover this row: {}", gap),
                          "constants would stand for missing kernels: choose another base with --base"});
    }
  }
  if (!findings.empty()) throw InputError(std::move(findings));
}

void refuse_singular(const OverheadFit& fit, const std::string& path, std::vector<std::string>& warnings) {
  for (const std::string& name : fit.undetermined) {
    if (name.find(" against ") != std::string::npos) {
      throw InputError(Diagnostic{path, 0, 0, fmt::format("the rows do not tell constants apart: {}", name),
                                  "measure more numbers of clients and lengths"});
    }
    warnings.push_back(fmt::format("the rows do not determine {}", name));
  }
}

// Where the base's elementwise kernels reach `e` of HBM and the roofline's `sheet`, whose traffic the factor multiplies.
Coefficient efficiency(const OverheadFit& f, double e, double sheet) {
  const auto with = [&](double factor) { return 1 / std::max(0.05, 1 / e + (factor - 1) / sheet); };
  return {"elementwise_efficiency", with(f.value.activations), with(f.high.activations), with(f.low.activations)};
}

HostFit host_of(const OverheadFit& f, const Calibration& base, const Hardware& hardware, const std::string& source) {
  HostFit host;
  host.elementwise_efficiency =
      efficiency(f, base.host.elementwise_efficiency.value, hardware.gpu.hbm_efficiency.value);
  host.step_s = {"step_s", f.value.step_s, f.low.step_s, f.high.step_s};
  host.sequence_s = {"sequence_s", f.value.sequence_s, f.low.sequence_s, f.high.sequence_s};
  host.request_s = {"request_s", f.value.request_s, f.low.request_s, f.high.request_s};
  host.elementwise_source = host.source = source;
  host.fitted = true;
  return host;
}

void name_outliers(const ServerStudy& study, std::vector<std::string>& warnings) {
  for (const ServerComparison& c : study.rows) {
    if (c.frontend_bound || std::max(std::abs(std::log1p(c.ttft_error)), std::abs(std::log1p(c.tpot_error))) < std::log(2))
      continue;
    const ServerRow& r = c.point.row;
    warnings.push_back(fmt::format("outlier, line {}: isl {}, osl {}, {} clients, TP{}: TTFT {:+.0f} %, TPOT {:+.0f} %", r.line,
                                   r.isl, r.osl, r.concurrency, r.tp, 100 * c.ttft_error, 100 * c.tpot_error));
  }
}

std::string source_of(const ServerCalibration& s, const std::vector<ServerRow>& rows, const std::string& path) {
  const auto judged = [](const ServerComparison& c) { return !c.frontend_bound; };
  const auto figure = [&](ServerLatency q) { return 100 * summarise(s.held_out, q, judged).median_absolute; };
  return fmt::format("fitted to {} rows of {} in {}; the half not fitted is off by {:.1f} % (TTFT), {:.1f} % (TPOT), {:.1f} % "
                     "(E2E) in the median", rows.size(), rows.front().server(), path.substr(path.rfind('/') + 1),
                     figure(ServerLatency::ttft), figure(ServerLatency::tpot), figure(ServerLatency::e2e));
}

}  // namespace

ServerCalibration calibrate_server(const std::vector<ServerRow>& rows, const std::string& path, const Hardware& hardware,
                                   const OperatorModel& base, const Benchmark& b, Dtype kv, unsigned threads) {
  check(rows, path, hardware, base);
  const Architecture model = load_architecture(model_of_id(rows.front().model));
  const std::vector<bool> fitted = every_second_combination(rows);
  std::vector<ServerPoint> all, half, judged;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    all.push_back(server_point(rows[i], hardware, &base, model, b, kv));
    (fitted[i] ? half : judged).push_back(all.back());
  }
  ServerCalibration s;
  if (judged.size() < kLeastJudged) {
    throw InputError(Diagnostic{path, 0, 0, fmt::format("{} rows would be left to judge the fit, expected at least {}: its "
                                                        "error would not be known", judged.size(), kLeastJudged),
                                "give rows of at least two combinations of isl and osl, and of several numbers of clients"});
  }
  s.judged_fit = fit_overheads(half, b, threads);
  refuse_singular(s.judged_fit, path, s.warnings);
  s.held_out = compare_points(judged, b, s.judged_fit, threads);
  name_outliers(s.held_out, s.warnings);
  const auto bound = std::count_if(s.held_out.rows.begin(), s.held_out.rows.end(), [](const auto& c) { return c.frontend_bound; });
  if (bound > 0) s.warnings.push_back(fmt::format("{} of the judged rows are bound by the front end and not counted", bound));
  s.calibration = base.calibration();
  s.calibration.host = host_of(fit_overheads(all, b, threads), base.calibration(), hardware, source_of(s, rows, path));
  s.calibration.warnings.insert(s.calibration.warnings.end(), s.warnings.begin(), s.warnings.end());
  return s;
}

}  // namespace kvplan

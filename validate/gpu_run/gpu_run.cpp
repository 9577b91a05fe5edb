#include "validate/gpu_run/gpu_run.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "validate/gpu_run/names.hpp"

namespace kvplan {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const RunValues& values) {
  ordered_json out = ordered_json::object();
  for (const auto& [key, value] : values) {
    ordered_json& entry = out[key];
    std::visit([&](const auto& v) { entry = v; }, value);
  }
  return out;
}

ordered_json to_json(const RunPoint& p) {
  ordered_json out{{"exp", p.experiment}, {"status", std::string(name_of(p.status))}};
  out["reason"] = p.reason.empty() ? ordered_json() : ordered_json(p.reason);
  out["params"] = to_json(p.params);
  if (p.bytes > 0) out["bytes"] = p.bytes;
  if (p.flops > 0) out["flops"] = p.flops;
  out["samples_ns"] = p.samples_ns;
  if (p.measured()) {
    const SampleSummary s = p.summary();
    out["median_ns"] = s.median;
    out["p10_ns"] = s.p10;
    out["p90_ns"] = s.p90;
    out[p.samples_ns.size() >= kLeastForInterval ? "ci95_ns" : "range_ns"] = {s.ci95_low, s.ci95_high};
    if (p.bytes > 0) out["bytes_per_s"] = static_cast<double>(p.bytes) / s.median * 1e9;
    if (p.flops > 0) out["flops_per_s"] = p.flops / s.median * 1e9;
  }
  if (p.submit_ns > 0) out["submit_ns"] = p.submit_ns;
  out["verify"] = p.verify;
  out["clock"] = {{"sm_mhz", {p.sm_mhz_before, p.sm_mhz_after}}, {"throttle", p.throttle}};
  return out;
}

template <class T>
const T* find(const RunValues& values, const std::string& key) {
  const auto at = values.find(key);
  return at == values.end() ? nullptr : std::get_if<T>(&at->second);
}

}  // namespace

std::int64_t whole(const RunValues& values, const std::string& key) {
  const auto* v = find<std::int64_t>(values, key);
  return v ? *v : 0;
}
double number(const RunValues& values, const std::string& key) {
  const auto* v = find<double>(values, key);
  return v ? *v : static_cast<double>(whole(values, key));
}
std::string text(const RunValues& values, const std::string& key) {
  const auto* v = find<std::string>(values, key);
  return v ? *v : "";
}
bool flag(const RunValues& values, const std::string& key) {
  const auto* v = find<bool>(values, key);
  return v != nullptr && *v;
}

std::string to_json_text(const GpuRun& run) {
  ordered_json out{{"schema", std::string(kGpuRunSchema)}};
  out["run"] = {{"id", run.id},     {"utc", run.utc},     {"version", run.version},   {"argv", run.arguments},
                {"seed", run.seed}, {"quick", run.quick}, {"complete", run.complete}, {"synthetic", run.synthetic}};
  out["env"] = {{"gpu", to_json(run.gpu)}, {"host", to_json(run.host)}};
  out["findings"] = ordered_json::array();
  for (const RunFinding& f : run.findings) {
    out["findings"].push_back({{"code", f.code}, {"refuses", f.refuses}, {"message", f.message}});
  }
  out["experiments"] = ordered_json::array();
  for (const RunExperiment& e : run.experiments) {
    out["experiments"].push_back({{"id", e.id},
                                  {"title", e.title},
                                  {"status", e.status},
                                  {"reason", e.reason.empty() ? ordered_json() : ordered_json(e.reason)},
                                  {"budget_s", e.budget_s},
                                  {"spent_s", e.spent_s}});
  }
  out["points"] = ordered_json::array();
  for (const RunPoint& p : run.points) out["points"].push_back(to_json(p));
  out["checks"] = to_json(run.checks);
  return out.dump(1) + "\n";
}

void write_gpu_run(const GpuRun& run, const std::string& path) {
  const std::string part = path + ".part";
  std::ofstream file(part, std::ios::binary | std::ios::trunc);
  file << to_json_text(run);
  file.close();
  if (!file || std::rename(part.c_str(), path.c_str()) != 0) {
    throw std::runtime_error("cannot write " + path + ": " + std::strerror(errno));
  }
}

}  // namespace kvplan

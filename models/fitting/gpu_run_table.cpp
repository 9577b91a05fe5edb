// Operators of a run of kvplan-gpu (schema kvplan.gpu-run/1): experiments X7 (GEMM), X8 (prefill attention) and X9
// (decode attention). Only points that are "ok" enter; the others are counted by their reason.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "models/fitting/readers.hpp"

namespace kvplan {
namespace {

constexpr double kMost = 1e15;

struct Recipe {
  const char* experiment;
  Operator op;
  std::vector<const char*> axes;  // keys of params, in the order of the form's axes
  const char* dtype;
  const char* kernel;
};

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> all = {
      {"X7", Operator::gemm, {"m", "n", "k"}, "dtype", "kernel"},
      {"X8", Operator::prefill_attention, {"batch", "new_tokens", "heads", "kv_heads", "head_dim"}, "dtype", "kernel"},
      {"X9", Operator::decode_attention, {"batch", "kv_tokens", "heads", "kv_heads", "head_dim"}, "dtype", "kernel"}};
  return all;
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return (x[(x.size() - 1) / 2] + x[x.size() / 2]) / 2;
}

void read_point(const JsonFile& file, std::size_t i, JsonReader& point, OperatorTables& into) {
  const std::string experiment = point.string("exp");
  const std::string status = point.one_of("status", {"ok", "suspect", "waived", "failed"});
  const auto recipe = std::find_if(recipes().begin(), recipes().end(),
                                   [&](const Recipe& r) { return experiment == r.experiment; });
  if (recipe == recipes().end()) return;
  const std::string name(form_of(recipe->op).name);
  if (status != "ok") {
    const nlohmann::json& reason = file.root()["points"][i].value("reason", nlohmann::json());
    ++into.left_out[fmt::format("{}: {} ({})", name, status, reason.is_string() ? reason.get<std::string>() : "no reason")];
    return;
  }
  JsonReader params = point.object("params", true);
  if (recipe->op == Operator::prefill_attention && params.number("prefix", 0, kMost, 0) > 0) {
    ++into.left_out[name + ": on a cached prefix, which the form does not cover"];
    return;
  }
  Shape shape{};
  for (std::size_t a = 0; a < recipe->axes.size(); ++a) shape[a] = params.number(recipe->axes[a], 1, kMost);
  const std::string dtype = params.string(recipe->dtype, "bfloat16");
  const nlohmann::json& samples = file.root()["points"][i].value("samples_ns", nlohmann::json::array());
  std::vector<double> times;
  for (const auto& s : samples) {
    if (s.is_number() && s.get<double>() > 0) times.push_back(s.get<double>());
  }
  if (times.empty() || times.size() != samples.size()) {
    point.fail("samples_ns", "an ok point needs samples in ns, all above 0");
    return;
  }
  if (dtype != "bfloat16" && dtype != "bf16" && dtype != "fp8") {
    ++into.left_out[name + ": dtype " + dtype];
    return;
  }
  into.add(recipe->op, dtype == "fp8" ? Dtype::fp8 : Dtype::bf16,
           "kvplan-gpu " + params.string(recipe->kernel, recipe->op == Operator::gemm ? "cublaslt" : "paged"),
           file.name(), {shape, median(std::move(times)), file.at(fmt::format("/points/{}", i), "").line, 0});
}

}  // namespace

void read_gpu_run(const JsonFile& file, OperatorTables& into) {
  JsonFindings findings;
  JsonReader root(file, findings);
  root.one_of("schema", {"kvplan.gpu-run/1"});
  JsonReader run = root.object("run", true), gpu = root.object("env", true).object("gpu", true);
  if (run.boolean("synthetic", false)) {
    run.fail("synthetic", "this run was made by a formula, not by a GPU", "measure one with kvplan-gpu");
  }
  into.note_device(gpu.string("name"), file.name(), 0);
  std::vector<JsonReader> points = root.objects("points", true);
  for (std::size_t i = 0; i < points.size(); ++i) read_point(file, i, points[i], into);
  findings.raise();
}

}  // namespace kvplan

#include "validate/server_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "models/memory.hpp"
#include "models/operators/step_model.hpp"
#include "models/roofline.hpp"

namespace kvplan {
namespace {

constexpr std::int32_t kPageTokens = 16;

// Names of benchmark tools for the hardware that ships.
constexpr std::pair<std::string_view, std::string_view> kSystems[] = {
    {"a100_sxm", "x86-a100-sxm"},   {"a100_pcie", "x86-a100-pcie"}, {"h100_sxm", "x86-h100-sxm"},
    {"h100_pcie", "x86-h100-pcie"}, {"h200_sxm", "x86-h200"},       {"gh200", "gh200-96"}};

// Host work is what the overheads stand for: neither source of kernels brings its own.
StepTime roofline_kernels(const ServerRow& row, Gpu gpu, const Architecture& model, Dtype kv) {
  gpu.step_host_s.value = gpu.sequence_host_s.value = 0;
  return roofline_step_time(model, gpu, row.tp, row.weights, kv);
}

StepTime calibrated_kernels(const ServerRow& row, const OperatorModel& operators, const Gpu& gpu,
                            const Architecture& model, Dtype kv) {
  Overheads without;
  without.step_s = -1e-9 * operators.step_host_ns();
  without.sequence_s = -1e-9 * operators.sequence_host_ns();
  return with_overheads(
      calibrated_step_time(operators, model, row.tp, row.weights, kv, IntervalEnd::central, {&gpu, false}), without, 0);
}

}  // namespace

std::string hardware_of_system(const std::string& system) {
  for (const auto& [tool, name] : kSystems) {
    if (system == tool) return std::string(name);
  }
  return system;
}

std::string model_of_id(std::string id) {
  id = id.substr(id.rfind('/') + 1);
  std::transform(id.begin(), id.end(), id.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const std::string part : {"-instruct", "-fp8", "-dynamic", "-bf16", "-awq", "meta-", "-hf"}) {
    if (const std::size_t at = id.find(part); at != std::string::npos) id.erase(at, part.size());
  }
  return id;
}

ServerPoint server_point(const ServerRow& row, const Hardware& hardware, const OperatorModel* operators,
                         const Architecture& model, const Benchmark& b, Dtype kv) {
  ServerPoint p;
  p.row = row;
  const bool covered = b.kernels == Kernels::calibration && operators != nullptr &&
                       calibration_gap(*operators, model, row.tp, row.weights, kv, true).empty();
  p.kernels = covered ? Kernels::calibration : Kernels::roofline;
  const StepTime kernels = covered ? calibrated_kernels(row, *operators, hardware.gpu, model, kv)
                                   : roofline_kernels(row, hardware.gpu, model, kv);
  p.config.step_times.fill(kernels);
  p.provenance = kernels.provenance;
  p.activation_row_s = activation_row_s(model, hardware.gpu, row.tp);
  p.config.engine.max_context_tokens = model.max_context_tokens;
  Bytes memory =
      kv_memory_per_gpu(model, hardware, row.tp, row.weights, b.of_free_memory ? 1 : b.gpu_memory_utilization);
  if (b.of_free_memory) memory = Bytes(std::llround(static_cast<double>(memory.count) * b.gpu_memory_utilization));
  const KvShare share = kv_share(model, kv, row.tp, memory, b.sequences(row));
  p.config.kv_bytes_per_token = share.per_token;
  p.config.kv_bytes_per_token_per_gpu = share.per_token_per_gpu;
  p.config.engine.g1_pages = Pages(share.paged.count / (kPageTokens * share.per_token_per_gpu.count));
  return p;
}

std::vector<ServerPoint> server_points(const std::vector<ServerRow>& rows, const std::string& csv_path,
                                       const Benchmark& b, Dtype kv) {
  std::map<std::string, Hardware> hardware;
  std::map<std::string, OperatorModel> operators;  // by system
  std::map<std::string, Architecture> models;
  std::vector<Diagnostic> findings;
  const auto note = [&](const ServerRow& row, const InputError& e) {
    const Diagnostic& why = e.findings().front();
    findings.push_back({csv_path, row.line, 0, why.message, why.help});
  };
  for (const ServerRow& row : rows) {
    try {
      if (hardware.count(row.system) == 0) {
        const Hardware& h = hardware.emplace(row.system, load_hardware(hardware_of_system(row.system))).first->second;
        if (!h.calibration.empty()) operators.emplace(row.system, load_calibration(h.calibration));
      }
      if (models.count(row.model) == 0) models.emplace(row.model, load_architecture(model_of_id(row.model)));
    } catch (const InputError& e) {
      note(row, e);
      if (findings.size() == 20) break;
    }
  }
  if (!findings.empty()) throw InputError(std::move(findings));
  std::vector<ServerPoint> points;
  for (const ServerRow& row : rows) {
    const auto calibrated = operators.find(row.system);
    const OperatorModel* own = calibrated == operators.end() ? nullptr : &calibrated->second;
    points.push_back(server_point(row, hardware.at(row.system), own, models.at(row.model), b, kv));
  }
  return points;
}

std::vector<ServerFigures> predict(const std::vector<ServerPoint>& points, const Benchmark& b, const Overheads& o,
                                   unsigned threads) {
  std::vector<ServerFigures> figures(points.size());
  for_each_index(points.size(), static_cast<int>(threads), [&](std::size_t i) {
    SimulationConfig config = points[i].config;
    config.step_times.fill(with_overheads(config.step_times[0], o, points[i].activation_row_s));
    config.engine.frontend_fixed = time_from_seconds(o.request_s);
    figures[i] = run_benchmark(points[i].row, b, std::move(config), o.kept_free);
  });
  return figures;
}

}  // namespace kvplan

// NVIDIA's 14x / 28x / 2x: see validate/published/nvidia-multiturn.json.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "models/roofline.hpp"
#include "validate/experiment_head.hpp"
#include "validate/one_prompt.hpp"

namespace kvplan {
namespace {

// A step at a constant MFU: every FLOP of the matrices and of attention at one rate.
StepTime constant_mfu(const Architecture& model, double flops_per_s) {
  StepTime s;
  const double token_ps = 2.0 * static_cast<double>(model.matmul_parameters()) / flops_per_s * kPsPerS;
  const double pair_ps = 4.0 * model.layers * model.heads * model.head_dim / flops_per_s * kPsPerS;
  s.base = PiecewiseLinear({{0, 0, std::llround(token_ps)}});
  s.pair_ps = std::llround(pair_ps);
  s.layers = model.layers;
  s.provenance = "constant MFU";
  return s;
}

// Each GPU of the replica has a host link of its own.
NodeLinks own_links(double bytes_per_s) {
  const auto rate = static_cast<std::int64_t>(bytes_per_s);
  NodeLinks links;
  links.limits = {{"to device", rate}, {"from device", rate}};
  links.load = {{{{0, 1}}, 0}};
  links.store = {{{{1, 1}}, 0}};
  return links;
}

SimulationConfig replica(const Architecture& model, std::int32_t tp, Dtype kv, const StepTime& step, double bytes_per_s) {
  SimulationConfig c;
  c.engine.max_context_tokens = model.max_context_tokens;
  c.kv_bytes_per_token = model.kv_bytes_per_token(kv);
  c.kv_bytes_per_token_per_gpu = model.kv_bytes_per_token_per_gpu(kv, tp);
  c.offload.enabled = true;
  c.offload.segment = c.engine.page_tokens * c.kv_bytes_per_token_per_gpu;
  c.step_times.fill(step);
  c.links = own_links(bytes_per_s);
  return c;
}

double ratio(const PromptTimes& t) { return seconds(t.recomputed) / seconds(t.loaded); }

// Measured kernels, links and front end, and a turn's prompt on top of the history: what to expect in practice.
PromptTimes measured(JsonReader& in, const std::string& hardware_key, const Architecture& model, std::int32_t tp,
                     Dtype weights, Dtype kv, std::int32_t history) {
  const Hardware hardware = load_hardware(in.string(hardware_key));
  SimulationConfig c = replica(model, tp, kv, roofline_step_time(model, hardware.gpu, tp, weights, kv),
                               hardware.link_kinds.front().to_device_bytes_per_s.value);
  c.links.load[0].segment_ps = std::llround(hardware.link_kinds.front().to_device_segment_s.value * kPsPerS);
  c.engine.frontend_fixed = time_from_seconds(in.number("frontend_fixed_s", 0, 10));
  c.engine.frontend_ps_per_token = std::llround(in.number("frontend_per_token_s", 0, 1e-3) * kPsPerS);
  return time_one_prompt(c, history, static_cast<std::int32_t>(in.integer("turn_tokens", 1, 100'000)));
}

}  // namespace

Experiment nvidia_multiturn(const JsonFile& file) {
  JsonFindings findings;
  JsonReader in(file, findings);
  auto [e, no_hardware, model, weights, kv] = read_head(in);
  const auto tp = static_cast<std::int32_t>(in.integer("tp", 1, 64));
  const auto history = static_cast<std::int32_t>(in.integer("history_tokens", 1, 1'000'000));
  const double mfu = in.number("prefill_mfu", 0.01, 1), peak = in.number("peak_flops", 1, 1e18);
  const double x86_rate = in.number("x86_bytes_per_s", 1, 1e13), gh200_rate = in.number("gh200_bytes_per_s", 1, 1e13);
  const double fitted = in.number("fitted_ratio", 1, 1e3), tolerance = in.number("tolerance", 0, 1);

  const StepTime step = constant_mfu(model, peak * mfu * tp);
  SimulationConfig x86 = replica(model, tp, kv, step, x86_rate);
  SimulationConfig gh200 = replica(model, tp, kv, step, gh200_rate);
  // (recomputed + o) / (loaded + o) = fitted, for the overhead o that both paths have.
  const PromptTimes bare = time_one_prompt(x86, history, 0);
  const double overhead_s = (seconds(bare.recomputed) - fitted * seconds(bare.loaded)) / (fitted - 1);
  x86.engine.frontend_fixed = gh200.engine.frontend_fixed = time_from_seconds(overhead_s);
  const PromptTimes on_x86 = time_one_prompt(x86, history, 0), on_gh200 = time_one_prompt(gh200, history, 0);
  e.inputs.front().second += fmt::format(", TP{}", tp);
  e.inputs.insert(e.inputs.end(), {
      {"history", fmt::format("{} tokens, no further prompt", history)},
      {"prefill", fmt::format("MFU {} of {:.0f} TFLOPS a GPU (stated)", mfu, peak / 1e12)},
      {"links", fmt::format("{:.0f} and {:.0f} GB/s a GPU", x86_rate / 1e9, gh200_rate / 1e9)},
      {"overhead", fmt::format("{:.2f} ms a request, the one fitted figure (to {}x on x86)", overhead_s * 1e3, fitted)},
  });
  e.comparisons = {
      {"x86-H100: recomputed / loaded (fitted)", "x", ratio(on_x86), fitted, 0},
      {"GH200: recomputed / loaded", "x", ratio(on_gh200), in.number("gh200_ratio", 1, 1e3), tolerance},
      {"GH200 over x86-H100, loaded", "x", seconds(on_x86.loaded) / seconds(on_gh200.loaded),
       in.number("gh200_over_x86", 1, 1e3), tolerance},
  };
  JsonReader practice = in.object("measured", true);
  const PromptTimes real_x86 = measured(practice, "x86_hardware", model, tp, weights, kv, history);
  const PromptTimes real_gh200 = measured(practice, "gh200_hardware", model, tp, weights, kv, history);
  const std::string how = fmt::format("measured efficiencies, {} tokens a turn", practice.integer("turn_tokens", 1, 100'000));
  e.comparisons.push_back({"x86-H100: recomputed / loaded", "x", ratio(real_x86), fitted, 0, false, how});
  e.comparisons.push_back({"GH200: recomputed / loaded", "x", ratio(real_gh200), in.number("gh200_ratio", 1, 1e3), 0, false, how});
  e.comparisons.push_back({"GH200 over x86-H100, loaded", "x", seconds(real_x86.loaded) / seconds(real_gh200.loaded),
                           in.number("gh200_over_x86", 1, 1e3), 0, false, how});
  practice.no_other_keys();
  in.no_other_keys();
  findings.raise();
  e.remarks.push_back("NVIDIA's own setting is not public: this is one consistent setting that explains all three figures");
  return e;
}

}  // namespace kvplan

#include "models/roofline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace kvplan {
namespace {

constexpr double kActivationBytes = 2;  // bf16 between kernels, whatever the weights are

// Rows m x (k x n matrix), in seconds.
struct Gemm {
  double launch_s;
  double memory_s;       // to stream the matrix
  double compute_row_s;  // per row

  double operator()(double m) const { return launch_s + std::max(memory_s, compute_row_s * m); }
  std::int64_t last_memory_bound_row() const { return static_cast<std::int64_t>(memory_s / compute_row_s); }
};

double sustained_flops(const Gpu& gpu, Dtype weights) {
  if (weights == Dtype::fp8 && gpu.fp8_flops.value > 0) return gpu.fp8_flops.value * gpu.fp8_gemm_efficiency.value;
  const double tf32 = weights == Dtype::fp32 ? 0.5 : 1;  // tensor cores take fp32 as TF32, at half the bf16 rate
  return gpu.bf16_flops.value * gpu.gemm_efficiency.value * tf32;
}

Gemm gemm_of(const Gpu& gpu, double elements, Dtype weights, double kernels) {
  return {kernels * gpu.kernel_launch_s.value,
          elements * bytes_per_element(weights) / (gpu.hbm_bytes_per_s.value * gpu.hbm_efficiency.value),
          2 * elements / sustained_flops(gpu, weights)};
}

// One GPU's share of one layer.
struct LayerShare {
  double q, kv, ffn;  // columns
};

LayerShare share_of(const Architecture& a, std::int32_t tp) {
  return {static_cast<double>(a.heads / tp * a.head_dim), static_cast<double>(ceil_div(a.kv_heads, tp) * a.head_dim),
          static_cast<double>(ceil_div(a.ffn, tp))};
}

// The matrices of all layers as one: their roofs cross at the same m, so their maxima add up.
Gemm layer_gemms(const Architecture& a, const Gpu& gpu, const LayerShare& s, Dtype weights) {
  const double h = a.hidden;
  const double elements = h * (s.q + 2 * s.kv) + s.q * h + (a.gated_ffn ? 3 : 2) * h * s.ffn;
  constexpr double kKernels = 4;  // QKV, O, up (with the gate), down
  return gemm_of(gpu, a.layers * elements, weights, a.layers * kKernels);
}

double elementwise_row_s(const Architecture& a, const Gpu& gpu, const LayerShare& s) {
  const double elements = 10.0 * a.hidden + (a.gated_ffn ? 3 : 2) * s.ffn + (s.q + 2 * s.kv) + 2 * s.q;
  return a.layers * kActivationBytes * elements / (gpu.hbm_bytes_per_s.value * gpu.hbm_efficiency.value);
}

double allreduce_row_s(const Architecture& a, const Gpu& gpu) {
  return 2.0 * a.layers * kActivationBytes * a.hidden / gpu.allreduce_bytes_per_s.value;
}

double ps(double s) { return s * static_cast<double>(kPsPerS); }

PiecewiseLinear base_of(const Architecture& a, const Gpu& gpu, std::int32_t tp, Dtype weights) {
  const LayerShare share = share_of(a, tp);
  const Gemm gemms = layer_gemms(a, gpu, share, weights);
  double fixed_s = gpu.step_host_s.value + a.layers * gpu.attention_floor_s.value;
  double row_s = elementwise_row_s(a, gpu, share);
  if (tp > 1) {
    fixed_s += 2.0 * a.layers * gpu.allreduce_floor_s.value;
    row_s += allreduce_row_s(a, gpu);
  }
  const std::int64_t bound = gemms.last_memory_bound_row();
  std::vector<std::int64_t> rows = {0};
  if (bound > 0) rows.push_back(bound);
  rows.push_back(bound + 1);
  rows.push_back(bound + 1 + (std::int64_t{1} << 17));  // fixes the slope beyond
  std::vector<double> times;
  for (const std::int64_t m : rows) {
    times.push_back(ps(fixed_s + gemms(static_cast<double>(m)) + row_s * static_cast<double>(m)));
  }
  return PiecewiseLinear::through(rows, times);
}

PiecewiseLinear head_of(const Architecture& a, const Gpu& gpu, std::int32_t tp, Dtype weights) {
  const double elements = static_cast<double>(ceil_div(a.vocab, tp)) * a.hidden;
  const Gemm lm_head = gemm_of(gpu, elements, unquantised(weights), 1);
  const std::int64_t bound = std::max<std::int64_t>(1, lm_head.last_memory_bound_row());
  std::vector<std::int64_t> rows = {0, 1};
  if (bound > 1) rows.push_back(bound);
  rows.push_back(bound + 1);
  rows.push_back(bound + 1 + (std::int64_t{1} << 14));
  std::vector<double> times = {0};
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto s = static_cast<double>(rows[i]);
    times.push_back(ps(lm_head(s) + gpu.sequence_host_s.value * s));
  }
  return PiecewiseLinear::through(rows, times);
}

std::string provenance_of(const Architecture& a, const Gpu& gpu, std::int32_t tp, Dtype weights, Dtype kv) {
  return fmt::format(
      "roofline of {} on {}, TP{}, {} weights, {} KV: data-sheet peaks x kernel efficiencies (GEMM {}; prefill "
      "attention {}; HBM {}; decode attention {}); host work of a step {}",
      a.name, gpu.name, tp, name_of(weights), name_of(kv),
      weights == Dtype::fp8 && gpu.fp8_flops.value > 0 ? gpu.fp8_gemm_efficiency.value : gpu.gemm_efficiency.value,
      gpu.prefill_attention_efficiency.value, gpu.hbm_efficiency.value, gpu.decode_attention_efficiency.value,
      gpu.step_host_s.source);
}

}  // namespace

StepTime roofline_step_time(const Architecture& a, const Gpu& gpu, std::int32_t tp, Dtype weights, Dtype kv) {
  if (tp < 1 || a.heads % tp != 0) {
    throw InfeasibleError(
        fmt::format("error: {} has {} heads, which {} GPUs cannot share evenly\n  help: choose a tp that divides {}",
                    a.name, a.heads, tp, a.heads));
  }
  StepTime t;
  t.base = base_of(a, gpu, tp, weights);
  t.head = head_of(a, gpu, tp, weights);
  t.context_ps = std::llround(ps(static_cast<double>(a.kv_bytes_per_token_per_gpu(kv, tp).count) /
                                 (gpu.hbm_bytes_per_s.value * gpu.decode_attention_efficiency.value)));
  const double pair_flops = 4.0 * a.layers * share_of(a, tp).q;
  t.pair_ps = std::llround(ps(pair_flops / (gpu.bf16_flops.value * gpu.prefill_attention_efficiency.value)));
  t.layers = a.layers;
  t.provenance = provenance_of(a, gpu, tp, weights, kv);
  return t;
}

}  // namespace kvplan

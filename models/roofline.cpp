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

// One GPU's share of one layer of each kind: columns.
struct LayerShare {
  double q, kv, ffn, shared_ffn;
};

LayerShare share_of(const Architecture& a, std::int32_t tp) {
  return {static_cast<double>(a.heads / tp * a.head_dim), static_cast<double>(ceil_div(a.kv_heads, tp) * a.head_dim),
          static_cast<double>(ceil_div(a.ffn, tp)), static_cast<double>(ceil_div(a.moe.shared_ffn, tp))};
}

double attention_elements(const Architecture& a, const LayerShare& s, std::int32_t tp) {
  const double h = a.hidden;
  if (!a.latent()) return h * (s.q + 2 * s.kv) + s.q * h;
  const double heads = a.heads / tp, q_rank = a.mla.q_rank, kv_rank = a.mla.kv_rank;
  const double query = q_rank > 0 ? q_rank : h;
  return h * (q_rank + kv_rank + a.mla.rope_dim) + heads * query * (a.mla.nope_dim + a.mla.rope_dim) +
         heads * kv_rank * (a.mla.nope_dim + a.mla.value_dim) + heads * a.mla.value_dim * h;
}

// The matrices that every token meets, of all layers as one: their roofs cross at the same m, so their maxima add up.
Gemm dense_gemms(const Architecture& a, const Gpu& gpu, const LayerShare& s, std::int32_t tp, Dtype weights) {
  const double h = a.hidden, matrices = a.gated_ffn ? 3 : 2;
  const double columns = a.dense_layers() * s.ffn + a.moe.layers * s.shared_ffn;
  const double elements = a.layers * attention_elements(a, s, tp) + matrices * h * columns +
                          static_cast<double>(a.moe.layers) * h * a.moe.experts;
  // QKV, O, up (with the gate), down; latent attention has a down- and an up-projection more, a layer of experts its
  // router, and its shared part where it has one.
  const double moe_kernels = 1 + (a.moe.shared_ffn > 0 ? 2 : 0);
  const double kernels = a.layers * (a.latent() ? 4.0 : 2.0) + 2.0 * a.dense_layers() + moe_kernels * a.moe.layers;
  return gemm_of(gpu, elements, a.dense_dtype(weights), kernels);
}

// The experts of all layers, in seconds for m rows on the busiest GPU.
class ExpertGemms {
 public:
  ExpertGemms(const Architecture& a, const Gpu& gpu, std::int32_t tp, bool expert_parallel, Dtype weights)
      : experts_(a.moe.experts), per_token_(a.moe.experts_per_token), groups_(expert_parallel ? tp : 1) {
    const double elements = (a.gated_ffn ? 3.0 : 2.0) * a.hidden * a.moe.ffn * a.moe.layers / tp;
    one_ = gemm_of(gpu, elements, weights, 2.0 * a.moe.layers);  // one expert's share of all layers
  }

  double operator()(double m) const {
    if (experts_ == 0 || m == 0) return 0;
    const double touched = expected_experts(experts_, per_token_, m);
    const double rows = m * per_token_;
    return one_.launch_s + std::max(one_.memory_s * read(touched), one_.compute_row_s * groups_ * most(rows, 1));
  }

 private:
  // What the busiest of the groups gets of n things that fall on them at random: the mean of the largest of g normal
  // variables is about sqrt(2 ln g) deviations above theirs. `spread`: of their variance, what is left of it.
  double most(double n, double spread) const {
    const double mean = n / groups_;
    return std::min(n, mean + std::sqrt(2 * std::log(groups_) * mean * (1 - 1 / groups_) * spread));
  }
  // Shares of experts that the busiest GPU reads, in units of one expert on all GPUs: distinct ones, drawn without
  // putting back, of which it holds only so many.
  double read(double touched) const {
    const double held = experts_ / groups_, left = (experts_ - touched) / std::max(1.0, experts_ - 1);
    return groups_ * std::clamp(most(touched, left), std::min(1.0, touched), held);
  }

  double experts_, per_token_, groups_;
  Gemm one_ = {};
};

double elementwise_row_s(const Architecture& a, const Gpu& gpu, const LayerShare& s, std::int32_t tp) {
  const double matrices = a.gated_ffn ? 3 : 2;
  const double expert_columns = static_cast<double>(a.moe.experts_per_token) * a.moe.ffn / tp + s.shared_ffn;
  const double attention = 10.0 * a.hidden + (s.q + 2 * s.kv) + 2 * s.q;
  const double elements = a.layers * attention + matrices * (a.dense_layers() * s.ffn + a.moe.layers * expert_columns);
  return kActivationBytes * elements / (gpu.hbm_bytes_per_s.value * gpu.hbm_efficiency.value);
}

double allreduce_row_s(const Architecture& a, const Gpu& gpu) {
  return 2.0 * a.layers * kActivationBytes * a.hidden / gpu.allreduce_bytes_per_s.value;
}

double ps(double s) { return s * static_cast<double>(kPsPerS); }

// Where the step time bends: at the dense matrices' roof, and along the curve of touched experts.
std::vector<std::int64_t> rows_of(const Architecture& a, std::int64_t bound) {
  std::vector<std::int64_t> rows = {0, bound, bound + 1, bound + 1 + (std::int64_t{1} << 17)};
  for (std::int64_t m = 1; a.moe.layers > 0 && m <= (1 << 16); m *= 2) {
    rows.push_back(m);
    rows.push_back(m + m / 2);
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

PiecewiseLinear base_of(const Architecture& a, const Gpu& gpu, const Parallelism& parallel, Dtype weights) {
  const std::int32_t tp = parallel.tp;
  const LayerShare share = share_of(a, tp);
  const Gemm dense = dense_gemms(a, gpu, share, tp, weights);
  const ExpertGemms experts(a, gpu, tp, parallel.experts, weights);
  double fixed_s = gpu.step_host_s.value + a.layers * gpu.attention_floor_s.value;
  double row_s = elementwise_row_s(a, gpu, share, tp);
  row_s += window_pairs(a.window) * a.prefill_pair_flops() / tp /
           (gpu.bf16_flops.value * gpu.prefill_attention_efficiency.value);
  if (tp > 1) {
    fixed_s += 2.0 * a.layers * gpu.allreduce_floor_s.value;
    row_s += allreduce_row_s(a, gpu);
  }
  const std::vector<std::int64_t> rows = rows_of(a, dense.last_memory_bound_row());
  std::vector<double> times;
  for (const std::int64_t n : rows) {
    const auto m = static_cast<double>(n);
    times.push_back(ps(fixed_s + dense(m) + experts(m) + row_s * m));
  }
  return PiecewiseLinear::through(rows, times);
}

// KV that one token and layer leave on a GPU, streamed for a decode.
double kv_layer_s(const Architecture& a, const Gpu& gpu, std::int32_t tp, Dtype kv) {
  const double bytes = static_cast<double>(a.kv_bytes_per_token_per_gpu(kv, tp).count) / a.layers;
  const double memory_s = bytes / (gpu.hbm_bytes_per_s.value * gpu.decode_attention_efficiency.value);
  if (!a.latent()) return memory_s;
  // All heads share the latent vector: enough work for each byte to leave the bandwidth roof.
  const double compute_s = a.decode_pair_flops() / tp / (gpu.bf16_flops.value * gpu.prefill_attention_efficiency.value);
  return std::max(memory_s, compute_s);
}

PiecewiseLinear head_of(const Architecture& a, const Gpu& gpu, std::int32_t tp, Dtype weights, double window_s) {
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
    times.push_back(ps(lm_head(s) + (gpu.sequence_host_s.value + window_s) * s));
  }
  return PiecewiseLinear::through(rows, times);
}

std::string provenance_of(const Architecture& a, const Gpu& gpu, const Parallelism& parallel, Dtype weights, Dtype kv) {
  return fmt::format(
      "roofline of {} on {}, TP{}{}, {} weights, {} KV: data-sheet peaks x kernel efficiencies (GEMM {}; prefill "
      "attention {}; HBM {}; decode attention {}); host work of a step {}",
      a.name, gpu.name, parallel.tp, parallel.experts && a.moe.layers > 0 ? " with whole experts" : "",
      name_of(weights), name_of(kv),
      weights == Dtype::fp8 && gpu.fp8_flops.value > 0 ? gpu.fp8_gemm_efficiency.value : gpu.gemm_efficiency.value,
      gpu.prefill_attention_efficiency.value, gpu.hbm_efficiency.value, gpu.decode_attention_efficiency.value,
      gpu.step_host_s.source);
}

}  // namespace

double activation_row_s(const Architecture& a, const Gpu& gpu, std::int32_t tp) {
  return elementwise_row_s(a, gpu, share_of(a, tp), tp);
}

double window_pairs(const Window& w) { return w.layers * (w.chunked ? (w.tokens + 1) / 2.0 : w.tokens); }

double expert_gemms_s(const Architecture& a, const Gpu& gpu, const Parallelism& p, Dtype weights, double rows) {
  return a.moe.layers == 0 ? 0 : ExpertGemms(a, gpu, p.tp, p.experts, weights)(rows);
}

double expected_experts(double experts, double per_token, double tokens) {
  return experts * (1 - std::pow(1 - per_token / experts, tokens));
}

StepTime roofline_step_time(const Architecture& a, const Gpu& gpu, const Parallelism& parallel, Dtype weights,
                            Dtype kv) {
  const std::int32_t tp = parallel.tp;
  if (tp < 1 || a.heads % tp != 0) {
    throw InfeasibleError(
        fmt::format("error: {} has {} heads, which {} GPUs cannot share evenly\n  help: choose a tp that divides {}",
                    a.name, a.heads, tp, a.heads));
  }
  const double layer_s = kv_layer_s(a, gpu, tp, kv);
  StepTime t;
  t.base = base_of(a, gpu, parallel, weights);
  t.head = head_of(a, gpu, tp, weights, window_pairs(a.window) * layer_s);
  t.host_ps = std::llround(gpu.step_host_s.value * static_cast<double>(kPsPerS));
  t.host_sample_ps = std::llround(gpu.sequence_host_s.value * static_cast<double>(kPsPerS));
  t.sequence_ps = t.host_sample_ps + std::llround(ps(window_pairs(a.window) * layer_s));
  const std::int32_t full_layers = a.layers - a.window.layers;
  t.context_ps = std::llround(ps(full_layers * layer_s));
  const double pair_flops = full_layers * a.prefill_pair_flops() / tp;
  t.pair_ps = std::llround(ps(pair_flops / (gpu.bf16_flops.value * gpu.prefill_attention_efficiency.value)));
  t.set_key_queries();
  t.layers = a.layers;
  t.provenance = provenance_of(a, gpu, parallel, weights, kv);
  return t;
}

}  // namespace kvplan

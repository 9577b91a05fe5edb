// Step time from data sheets and published kernel efficiencies.
//
//   base(m)    layers x [4 GEMMs + 2 all-reduces at TP > 1 + elementwise traffic
//              + floor of the attention kernels] + host work of a step
//   head(s)    lm_head on s sampled rows + host work of each; 0 when nothing is sampled
//   context    KV bytes of one token on one GPU / streaming rate of decode attention
//   pair       4 x layers x heads / TP x head_dim FLOPs at the rate of prefill attention
//
//   GEMM       launch + max(weight bytes / HBM rate, 2 m n k / peak of the dtype)
//   all-reduce floor + bytes / algorithm bandwidth
//   elementwise bytes a token and layer: 2 x [10 hidden + (3 ffn + qkv + 2 q) / TP], fitted form of whole-server models
//
// All GEMMs of one dtype leave the bandwidth roof at the same m, so that base and
// head of a dense model have one breakpoint each, and are exact at every integer.
//
// Experts  A step of m tokens reads expected_experts(m) of them, as if a router chose at random, and computes
//   experts_per_token rows a token. That curve is drawn through points at powers of two and half-way between.
// Windows  A layer with a window costs every token and sequence a full window: too much for contexts that are shorter.
// MLA      Prefill as multi-head attention; decode on latent vectors, at the roof that is lower; down-projections and
//   latent vectors are on every GPU.
#pragma once

#include "hardware/hardware.hpp"
#include "models/architecture.hpp"
#include "models/step_time.hpp"

namespace kvplan {

// How the GPUs of one replica share the model.
struct Parallelism {
  std::int32_t tp = 1;
  // Each GPU holds whole experts (tp of them share all), rather than a slice of every expert. The busiest GPU counts.
  bool experts = false;
};

// Distinct experts that `tokens` tokens touch when each takes `per_token` of `experts` at random.
double expected_experts(double experts, double per_token, double tokens);

// The experts of all layers, for `rows` tokens, on the busiest GPU, in seconds; 0 for a dense model.
double expert_gemms_s(const Architecture&, const Gpu&, const Parallelism&, Dtype weights, double rows);
// (query, key) pairs of a token in all layers that have a window, once the window is full.
double window_pairs(const Window&);

// InfeasibleError when tp does not divide the heads. fp8 weights are computed at the fp8 peak where the part
// has one, else unpacked to bf16, as fp4 and int4 always are. KV heads are copied beyond kv_heads.
StepTime roofline_step_time(const Architecture&, const Gpu&, const Parallelism&, Dtype weights, Dtype kv);

// Elementwise traffic of one token in all layers on one GPU, as a part of the above.
double activation_row_s(const Architecture&, const Gpu&, std::int32_t tp);

inline StepTime roofline_step_time(const Architecture& a, const Gpu& gpu, std::int32_t tp, Dtype weights, Dtype kv) {
  return roofline_step_time(a, gpu, Parallelism{tp}, weights, kv);
}

}  // namespace kvplan

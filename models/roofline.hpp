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
// All GEMMs of one dtype leave the bandwidth roof at the same m, so base and
// head have one breakpoint each, and are exact at every integer.
#pragma once

#include "hardware/hardware.hpp"
#include "models/architecture.hpp"
#include "models/step_time.hpp"

namespace kvplan {

// InfeasibleError when tp does not divide the heads. fp8 weights are computed at the fp8 peak where the part
// has one, else unpacked to bf16, as int4 always is. All TP partners are alike; KV heads are copied beyond kv_heads.
StepTime roofline_step_time(const Architecture&, const Gpu&, std::int32_t tp, Dtype weights, Dtype kv);

}  // namespace kvplan

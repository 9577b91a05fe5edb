// The small kernels of a transformer layer, fused as engines fuse them: root mean
// square norm with the residual, rotary embedding with the write into paged KV,
// silu times the gate's partner, and the choice of the most likely token. Every
// access is 16 bytes wide; sums are in float.
#pragma once

#include "validate/cuda/kernels/arguments.hpp"
#include "validate/cuda/kernels/lanes.cuh"
#include "validate/cuda/kernels/paged_kv.hpp"

namespace kvplan::gpu {

constexpr int kFusedThreads = 256;
constexpr int kNormVectors = 4;  // of 8 elements a lane: hidden sizes up to 8192

struct Eight {
  float v[8];
};

__device__ __forceinline__ Eight unpack(uint4 packed) {
  return {{low_float(packed.x), high_float(packed.x), low_float(packed.y), high_float(packed.y), low_float(packed.z),
           high_float(packed.z), low_float(packed.w), high_float(packed.w)}};
}
__device__ __forceinline__ uint4 pack(const Eight& e) {
  uint4 packed;
  packed.x = pack_bf16(e.v[0], e.v[1]);
  packed.y = pack_bf16(e.v[2], e.v[3]);
  packed.z = pack_bf16(e.v[4], e.v[5]);
  packed.w = pack_bf16(e.v[6], e.v[7]);
  return packed;
}

// The sum over a block of kFusedThreads; `scratch` has room for its eight warps.
__device__ __forceinline__ float block_sum(float x, float* scratch) {
  for (int mask = 16; mask > 0; mask /= 2) x += lane_xor(x, mask);
  if ((threadIdx.x & 31) == 0) scratch[threadIdx.x >> 5] = x;
  sync_threads();
  float sum = 0.f;
  for (int w = 0; w < kFusedThreads / 32; ++w) sum += scratch[w];
  return sum;
}

// Grid: tokens. `residual` may be null; else it becomes x + residual, rounded, which is what is normed.
__global__ void __launch_bounds__(kFusedThreads)
    rms_norm(const Bf16* x, Bf16* residual, const Bf16* weight, Bf16* out, int hidden) {
  KVPLAN_SHARED(memory);
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * hidden / 8;
  const uint4* x8 = reinterpret_cast<const uint4*>(x) + row;
  uint4* residual8 = residual == nullptr ? nullptr : reinterpret_cast<uint4*>(residual) + row;
  Eight kept[kNormVectors];
  float squares = 0.f;
  KVPLAN_UNROLL
  for (int n = 0; n < kNormVectors; ++n) {
    const int i = n * kFusedThreads + static_cast<int>(threadIdx.x);
    if (i >= hidden / 8) continue;
    kept[n] = unpack(x8[i]);
    if (residual8 != nullptr) {
      const Eight before = unpack(residual8[i]);
      for (int e = 0; e < 8; ++e) kept[n].v[e] += before.v[e];
      const uint4 rounded = pack(kept[n]);
      residual8[i] = rounded;
      kept[n] = unpack(rounded);
    }
    for (int e = 0; e < 8; ++e) squares += kept[n].v[e] * kept[n].v[e];
  }
  const float mean = block_sum(squares, reinterpret_cast<float*>(memory)) / static_cast<float>(hidden);
  const float inverse = rsqrtf(mean + 1e-5f);
  KVPLAN_UNROLL
  for (int n = 0; n < kNormVectors; ++n) {
    const int i = n * kFusedThreads + static_cast<int>(threadIdx.x);
    if (i >= hidden / 8) continue;
    const Eight w = unpack(reinterpret_cast<const uint4*>(weight)[i]);
    Eight y;
    for (int e = 0; e < 8; ++e) y.v[e] = kept[n].v[e] * inverse * w.v[e];
    reinterpret_cast<uint4*>(out)[row + i] = pack(y);
  }
}

// Where a token's K or V goes; null for a query head, which goes to q.
__device__ __forceinline__ Bf16* kv_slot(const RopeArguments& a, int token, int kv_head, bool value) {
  const int position = a.position[token];
  const std::int64_t page =
      a.kv.table[static_cast<std::int64_t>(a.sequence[token]) * a.kv.table_stride + (position >> a.kv.log2_page)];
  const int slot = position & ((1 << a.kv.log2_page) - 1);
  return a.kv.layer + page * a.kv.page_stride + (value ? a.kv.value_offset : 0) + slot * a.kv.slot_stride +
         kv_head * a.kv.head_stride;
}

// Grid: tokens. A lane takes eight dimensions d of a head and their partners d + 64.
__global__ void __launch_bounds__(kFusedThreads) rope_append(RopeArguments a) {
  const int token = static_cast<int>(blockIdx.x), heads = a.query_heads + 2 * a.kv.kv_heads;
  const int position = a.position[token] + (seeded(Bug::rotation_by_wrong_position) ? 1 : 0);
  const float2* rotation = a.rotation + static_cast<std::int64_t>(position) * (kHeadDim / 2);
  for (int i = static_cast<int>(threadIdx.x); i < heads * 8; i += kFusedThreads) {
    const int head = i / 8, chunk = i % 8;
    const Bf16* from = a.qkv + (static_cast<std::int64_t>(token) * heads + head) * kHeadDim + chunk * 8;
    uint4 low = *reinterpret_cast<const uint4*>(from), high = *reinterpret_cast<const uint4*>(from + kHeadDim / 2);
    const bool value = head >= a.query_heads + a.kv.kv_heads;
    if (!value) {
      const Eight x = unpack(low), y = unpack(high);
      Eight turned_x, turned_y;
      KVPLAN_UNROLL
      for (int e = 0; e < 8; ++e) {
        const float2 r = rotation[chunk * 8 + e];
        turned_x.v[e] = x.v[e] * r.x - y.v[e] * r.y;
        turned_y.v[e] = y.v[e] * r.x + x.v[e] * r.y;
      }
      low = pack(turned_x);
      high = pack(turned_y);
    }
    Bf16* to = head < a.query_heads ? a.q + (static_cast<std::int64_t>(token) * a.query_heads + head) * kHeadDim
                                    : kv_slot(a, token, (head - a.query_heads) % a.kv.kv_heads, value);
    *reinterpret_cast<uint4*>(to + chunk * 8) = low;
    *reinterpret_cast<uint4*>(to + kHeadDim / 2 + chunk * 8) = high;
  }
}

// gate_up: [tokens][gate, up], each `intermediate` wide. Any grid.
__global__ void __launch_bounds__(kFusedThreads)
    silu_mul(const Bf16* gate_up, Bf16* out, std::int64_t tokens, int intermediate) {
  const std::int64_t row8 = intermediate / 8;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < tokens * row8;
       i += step) {
    const uint4* gate = reinterpret_cast<const uint4*>(gate_up) + i / row8 * 2 * row8 + i % row8;
    const Eight g = unpack(*gate), u = unpack(gate[row8]);
    Eight y;
    for (int e = 0; e < 8; ++e) y.v[e] = g.v[e] / (1.f + exp2_fast(-1.44269504f * g.v[e])) * u.v[e];
    reinterpret_cast<uint4*>(out)[i] = pack(y);
  }
}

// Grid: rows of `to`; row i is row rows[i] of `from`. Embeddings, and the rows that the vocabulary product is for.
__global__ void __launch_bounds__(kFusedThreads)
    gather_rows(const std::int32_t* rows, const Bf16* from, Bf16* to, int hidden) {
  const uint4* source = reinterpret_cast<const uint4*>(from + static_cast<std::int64_t>(rows[blockIdx.x]) * hidden);
  uint4* target = reinterpret_cast<uint4*>(to + static_cast<std::int64_t>(blockIdx.x) * hidden);
  for (int i = static_cast<int>(threadIdx.x); i < hidden / 8; i += kFusedThreads) target[i] = source[i];
}

// Grid: rows. The first of equals wins.
__global__ void __launch_bounds__(kFusedThreads) argmax(const Bf16* logits, std::int32_t* token, int vocabulary) {
  KVPLAN_SHARED(memory);
  const uint4* row = reinterpret_cast<const uint4*>(logits + static_cast<std::int64_t>(blockIdx.x) * vocabulary);
  float best = -__builtin_huge_valf();
  int at = vocabulary;
  const auto offer = [&](float value, int index) {
    if (value > best || (value == best && index < at)) {
      best = value;
      at = index;
    }
  };
  for (int i = static_cast<int>(threadIdx.x); i < vocabulary / 8; i += kFusedThreads) {
    const Eight v = unpack(row[i]);
    for (int e = 0; e < 8; ++e) offer(v.v[e], i * 8 + e);
  }
  for (int mask = 16; mask > 0; mask /= 2) {
    const float value = lane_xor(best, mask);
    const int index = lane_xor(at, mask);
    offer(value, index);
  }
  float* values = reinterpret_cast<float*>(memory);
  int* indices = reinterpret_cast<int*>(memory) + kFusedThreads / 32;
  if ((threadIdx.x & 31) == 0) {
    values[threadIdx.x >> 5] = best;
    indices[threadIdx.x >> 5] = at;
  }
  sync_threads();
  if (threadIdx.x == 0) {
    for (int w = 0; w < kFusedThreads / 32; ++w) offer(values[w], indices[w]);
    token[blockIdx.x] = at;
  }
}

}  // namespace kvplan::gpu

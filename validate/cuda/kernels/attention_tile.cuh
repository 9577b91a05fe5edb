// What prefill and decode attention share: K and V tiles in swizzled shared
// memory, and the running softmax over the 16-row fragments of a warp.
#pragma once

#include "validate/cuda/kernels/lanes.cuh"
#include "validate/cuda/kernels/paged_kv.hpp"

namespace kvplan::gpu {

constexpr int kThreads = 128;  // four warps
constexpr int kKvTile = kDecodeTileTokens;
constexpr std::uint32_t kRowBytes = kHeadDim * 2;
constexpr std::uint32_t kTileBytes = kKvTile * kRowBytes;
constexpr std::uint32_t kStageBytes = 2 * kTileBytes;  // K, then V
constexpr float kMinusInfinity = -__builtin_huge_valf();

// A row is sixteen chunks of 16 bytes, each at its number exclusive-or the row's low bits: the eight rows that one
// ldmatrix reads then lie in different banks.
__device__ __forceinline__ std::uint32_t chunk_offset(int row, int chunk) {
  return static_cast<std::uint32_t>(row) * kRowBytes + (static_cast<std::uint32_t>(chunk ^ (row & 7)) << 4);
}

// Starts copying tokens [first, first + 64) of a sequence; rows past its end become zeros, so that what a page holds
// there (perhaps NaN) cannot reach a product.
__device__ __forceinline__ void start_kv_tile(std::uint32_t stage, const PagedKv& kv, int sequence, int head, int first,
                                              int kv_tokens) {
  const int owner = seeded(Bug::page_of_wrong_sequence) ? 0 : sequence;
  const std::int32_t* table = kv.table + static_cast<std::int64_t>(owner) * kv.table_stride;
  const int slot_mask = (1 << kv.log2_page) - 1;
  KVPLAN_UNROLL
  for (int i = static_cast<int>(threadIdx.x); i < kKvTile * 16; i += kThreads) {
    const int row = i >> 4, chunk = i & 15;
    const bool live = first + row < kv_tokens;
    const int token = live ? first + row : 0;
    const Bf16* k = kv.layer + static_cast<std::int64_t>(table[token >> kv.log2_page]) * kv.page_stride +
                    (token & slot_mask) * kv.slot_stride + head * kv.head_stride + chunk * 8;
    copy_16_async(stage + chunk_offset(row, chunk), k, live);
    copy_16_async(stage + kTileBytes + chunk_offset(row, chunk), k + kv.value_offset, live);
  }
}

// Rows g and g + 8 of a 16-row fragment (g = lane / 4): output so far, and the maximum and sum of its weights. The
// sum is this lane's share; lanes 4 g to 4 g + 3 hold a row between them.
struct RunningSoftmax {
  float output[16][4];
  float maximum[2];
  float sum[2];
};

__device__ __forceinline__ void clear(RunningSoftmax& s) {
  KVPLAN_UNROLL
  for (int d = 0; d < 16; ++d) {
    KVPLAN_UNROLL
    for (int e = 0; e < 4; ++e) s.output[d][e] = 0.f;
  }
  s.maximum[0] = s.maximum[1] = kMinusInfinity;
  s.sum[0] = s.sum[1] = 0.f;
}

__device__ __forceinline__ float row_maximum(float x) {
  x = fmaxf(x, lane_xor(x, 1));
  return fmaxf(x, lane_xor(x, 2));
}
__device__ __forceinline__ float row_sum(float x) {
  x += lane_xor(x, 1);
  return x + lane_xor(x, 2);
}

// Turns scores into weights in place and rescales the output to the maximum seen so far.
template <int kColumns8>
__device__ __forceinline__ void take_scores(float (&score)[kColumns8][4], RunningSoftmax& s, float scale_log2) {
  KVPLAN_UNROLL
  for (int h = 0; h < 2; ++h) {
    float maximum = s.maximum[h];
    KVPLAN_UNROLL
    for (int n = 0; n < kColumns8; ++n) maximum = fmaxf(maximum, fmaxf(score[n][2 * h], score[n][2 * h + 1]));
    maximum = row_maximum(maximum);
    const float base = maximum == kMinusInfinity ? 0.f : maximum * scale_log2;  // a row that sees nothing yet
    const float rescale = seeded(Bug::no_rescale_of_output) ? 1.f : exp2_fast(s.maximum[h] * scale_log2 - base);
    float sum = 0.f;
    KVPLAN_UNROLL
    for (int n = 0; n < kColumns8; ++n) {
      score[n][2 * h] = exp2_fast(score[n][2 * h] * scale_log2 - base);
      score[n][2 * h + 1] = exp2_fast(score[n][2 * h + 1] * scale_log2 - base);
      sum += score[n][2 * h] + score[n][2 * h + 1];
    }
    s.sum[h] = s.sum[h] * rescale + sum;
    s.maximum[h] = maximum;
    KVPLAN_UNROLL
    for (int d = 0; d < 16; ++d) {
      s.output[d][2 * h] *= rescale;
      s.output[d][2 * h + 1] *= rescale;
    }
  }
}

// The weights of 16 columns, from accumulator order into the A fragment of the next product.
__device__ __forceinline__ void weights_fragment(std::uint32_t (&a)[4], const float (&left)[4],
                                                 const float (&right)[4]) {
  a[0] = pack_bf16(left[0], left[1]);
  a[1] = pack_bf16(left[2], left[3]);
  a[2] = pack_bf16(right[0], right[1]);
  a[3] = pack_bf16(right[2], right[3]);
}

// Row and chunk that a lane names when a 16 x 16 tile is read as B of a product with K (rows are tokens).
__device__ __forceinline__ int key_row(int lane) { return ((lane >> 4) << 3) + (lane & 7); }
__device__ __forceinline__ int key_chunk(int lane) { return (lane >> 3) & 1; }

}  // namespace kvplan::gpu

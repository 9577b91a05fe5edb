// Decode attention over paged KV: one new token a sequence, its KV cut into parts
// that run side by side (split), and the parts merged by their softmax sums.
//
// A block takes one part of one sequence and one KV head. The query heads of the
// group fill the rows of one 16-row fragment; each of four warps takes 16 of the
// 64 tokens of a tile, and the warps merge through shared memory at the end. The
// kernel lives on memory: three stages keep two tiles (64 KiB) of reads in flight
// a block, two blocks a processor.
#pragma once

#include "validate/cuda/kernels/arguments.hpp"
#include "validate/cuda/kernels/attention_tile.cuh"

namespace kvplan::gpu {

constexpr int kDecodeStages = 3;
constexpr std::uint32_t kDecodeSharedBytes = kDecodeStages * kStageBytes;

// How much a part with maximum `own` counts in a merge whose maximum is `all`.
__device__ __forceinline__ float merge_weight(float own, float all, float scale_log2) {
  if (own == kMinusInfinity) return 0.f;
  return seeded(Bug::merge_without_rescale) ? 1.f : exp2_fast((own - all) * scale_log2);
}

// The group's query rows as A fragments, straight from memory; rows past the group are zero.
template <int kGroup>
__device__ __forceinline__ void query_fragments(std::uint32_t (&a)[8][4], const Bf16* q, int lane) {
  const int row = lane >> 2, column = 2 * (lane & 3);
  const auto pair = [&](int r, int c) {
    return r < kGroup ? *reinterpret_cast<const std::uint32_t*>(q + r * kHeadDim + c) : 0u;
  };
  KVPLAN_UNROLL
  for (int k = 0; k < 8; ++k) {
    a[k][0] = pair(row, k * 16 + column);
    a[k][1] = pair(row + 8, k * 16 + column);
    a[k][2] = pair(row, k * 16 + 8 + column);
    a[k][3] = pair(row + 8, k * 16 + 8 + column);
  }
}

// One warp's 16 tokens of a tile.
__device__ __forceinline__ void decode_tile(RunningSoftmax& state, const std::uint32_t (&q)[8][4], std::uint32_t stage,
                                            int first_column, int warp_row, int kv_tokens, float scale_log2, int lane) {
  float score[2][4] = {};
  KVPLAN_UNROLL
  for (int k = 0; k < 8; ++k) {
    std::uint32_t b[4];
    load_matrices(b, stage + chunk_offset(warp_row + key_row(lane), 2 * k + key_chunk(lane)));
    multiply_add(score[0], q[k], b[0], b[1]);
    multiply_add(score[1], q[k], b[2], b[3]);
  }
  KVPLAN_UNROLL
  for (int n = 0; n < 2; ++n) {
    KVPLAN_UNROLL
    for (int e = 0; e < 4; ++e) {
      const int end = kv_tokens + (seeded(Bug::mask_one_token_late) ? 1 : 0);
      if (first_column + warp_row + n * 8 + 2 * (lane & 3) + (e & 1) >= end) score[n][e] = kMinusInfinity;
    }
  }
  take_scores<2>(score, state, scale_log2);
  std::uint32_t a[4];
  weights_fragment(a, score[0], score[1]);
  KVPLAN_UNROLL
  for (int d = 0; d < 8; ++d) {
    std::uint32_t b[4];
    load_matrices_transposed(b, stage + kTileBytes + chunk_offset(warp_row + (lane & 15), 2 * d + (lane >> 4)));
    multiply_add(state.output[2 * d], a, b[0], b[1]);
    multiply_add(state.output[2 * d + 1], a, b[2], b[3]);
  }
}

// Merges the four warps and writes the part. `memory`: [warp][16 rows][kHeadDim] outputs, then [warp][16] maxima and
// sums.
template <int kGroup>
__device__ __forceinline__ void write_part(const RunningSoftmax& state, const DecodeArguments& a, float* memory,
                                           float scale_log2, std::int64_t part) {
  const int lane = static_cast<int>(threadIdx.x & 31), warp = static_cast<int>(threadIdx.x >> 5);
  float* maxima = memory + 4 * 16 * kHeadDim;
  float* sums = maxima + 64;
  KVPLAN_UNROLL
  for (int h = 0; h < 2; ++h) {
    const float sum = row_sum(state.sum[h]);
    const int row = warp * 16 + (lane >> 2) + h * 8;
    if ((lane & 3) == 0) {
      maxima[row] = state.maximum[h];
      sums[row] = sum;
    }
    KVPLAN_UNROLL
    for (int d = 0; d < 16; ++d) {
      memory[row * kHeadDim + d * 8 + 2 * (lane & 3)] = state.output[d][2 * h];
      memory[row * kHeadDim + d * 8 + 2 * (lane & 3) + 1] = state.output[d][2 * h + 1];
    }
  }
  sync_threads();
  const int d = static_cast<int>(threadIdx.x);
  KVPLAN_UNROLL
  for (int r = 0; r < kGroup; ++r) {
    const float all = fmaxf(fmaxf(maxima[r], maxima[16 + r]), fmaxf(maxima[32 + r], maxima[48 + r]));
    float sum = 0.f, output = 0.f;
    KVPLAN_UNROLL
    for (int w = 0; w < 4; ++w) {
      const float weight = merge_weight(maxima[w * 16 + r], all, scale_log2);
      sum += weight * sums[w * 16 + r];
      output += weight * memory[(w * 16 + r) * kHeadDim + d];
    }
    a.part_output[(part * kGroup + r) * kHeadDim + d] = output;
    if (d == 0) a.part_softmax[part * kGroup + r] = make_float2(all, sum);
  }
}

// Grid: (splits, KV heads, sequences). Block: kThreads; kDecodeSharedBytes of shared memory.
template <int kGroup>
__global__ void __launch_bounds__(kThreads, 2) decode_attention(DecodeArguments a) {
  static_assert(kGroup <= 16);
  KVPLAN_SHARED(memory);
  const int split = static_cast<int>(blockIdx.x), head = static_cast<int>(blockIdx.y);
  const int sequence = static_cast<int>(blockIdx.z), lane = static_cast<int>(threadIdx.x & 31);
  const int warp_row = static_cast<int>(threadIdx.x >> 5) * 16, kv_tokens = a.kv_tokens[sequence];
  const int begin = split * a.tiles_per_split;
  const int end = min((kv_tokens + kKvTile - 1) / kKvTile, begin + a.tiles_per_split);
  const float scale_log2 = a.scale * 1.44269504f;
  const std::uint32_t stages = shared_address(memory);
  const auto stage_of = [&](int t) {
    return stages + static_cast<std::uint32_t>((t - begin) % kDecodeStages) * kStageBytes;
  };

  KVPLAN_UNROLL
  for (int t = begin; t < begin + kDecodeStages - 1; ++t) {
    if (t < end) start_kv_tile(stage_of(t), a.kv, sequence, head, t * kKvTile, kv_tokens);
    commit_copies();
  }
  std::uint32_t q[8][4];
  query_fragments<kGroup>(q, a.q + (static_cast<std::int64_t>(sequence) * a.kv.kv_heads + head) * kGroup * kHeadDim,
                          lane);
  RunningSoftmax state;
  clear(state);
  for (int t = begin; t < end; ++t) {
    wait_copies<kDecodeStages - 2>();
    sync_threads();
    const int next = t + kDecodeStages - 1;
    if (next < end) start_kv_tile(stage_of(next), a.kv, sequence, head, next * kKvTile, kv_tokens);
    commit_copies();  // also when empty: the wait counts groups
    decode_tile(state, q, stage_of(t), t * kKvTile, warp_row, kv_tokens, scale_log2, lane);
  }
  wait_copies<0>();
  sync_threads();
  const std::int64_t part = (static_cast<std::int64_t>(sequence) * a.kv.kv_heads + head) * a.splits + split;
  write_part<kGroup>(state, a, reinterpret_cast<float*>(memory), scale_log2, part);
}

// Grid: (query heads, sequences). Block: kHeadDim threads.
template <int kGroup>
__global__ void __launch_bounds__(kHeadDim) merge_parts(DecodeArguments a) {
  const int sequence = static_cast<int>(blockIdx.y), query_head = static_cast<int>(blockIdx.x);
  const int d = static_cast<int>(threadIdx.x), heads = a.kv.kv_heads * kGroup;
  const std::int64_t first =
      (static_cast<std::int64_t>(sequence) * a.kv.kv_heads + query_head / kGroup) * a.splits * kGroup +
      query_head % kGroup;
  const float scale_log2 = a.scale * 1.44269504f;
  float all = kMinusInfinity, sum = 0.f, output = 0.f;
  for (int s = 0; s < a.splits; ++s) all = fmaxf(all, a.part_softmax[first + s * kGroup].x);
  for (int s = 0; s < a.splits; ++s) {
    const float2 part = a.part_softmax[first + s * kGroup];
    const float weight = merge_weight(part.x, all, scale_log2);
    sum += weight * part.y;
    output += weight * a.part_output[(first + s * kGroup) * kHeadDim + d];
  }
  const std::uint32_t rounded = pack_bf16(sum > 0.f ? output / sum : 0.f, 0.f);
  a.out[(static_cast<std::int64_t>(sequence) * heads + query_head) * kHeadDim + d].bits =
      static_cast<std::uint16_t>(rounded);
}

}  // namespace kvplan::gpu

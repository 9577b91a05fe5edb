// Prefill attention over paged KV with a cached prefix: the new tokens of each
// sequence see its earlier tokens and, causally, each other.
//
// A block takes 64 kMTiles rows of one sequence and one KV head; a row is one
// query head of one token, so that the `group` heads that share a KV head share
// its tiles. Each of four warps holds kMTiles fragments of 16 rows: with two,
// a K or V fragment feeds four products for each read of shared memory, which
// otherwise is what limits mma.sync on Hopper. K and V are double buffered; the
// copy of the next tile runs under the products of this one, and the one barrier
// of an iteration both publishes this tile and frees the other buffer.
#pragma once

#include "validate/cuda/kernels/arguments.hpp"
#include "validate/cuda/kernels/attention_tile.cuh"

namespace kvplan::gpu {

template <int kMTiles>
constexpr int kPrefillRows = 64 * kMTiles;
template <int kMTiles>
constexpr std::uint32_t kPrefillSharedBytes = kPrefillRows<kMTiles>* kRowBytes + 2 * kStageBytes;

// Offset in q and out of a row of a sequence: head row % group of token row / group.
template <int kGroup>
__device__ __forceinline__ std::int64_t query_offset(const SequenceSpan& span, int kv_heads, int head, int row) {
  const int in_group = seeded(Bug::row_of_wrong_head) ? 0 : row % kGroup;
  return (static_cast<std::int64_t>(span.first_row + row / kGroup) * kv_heads * kGroup + head * kGroup + in_group) *
         kHeadDim;
}

template <int kGroup, int kMTiles>
__device__ __forceinline__ void start_queries(std::uint32_t to, const PrefillArguments& a, const SequenceSpan& span,
                                              int head, int first_row) {
  const int rows = span.new_tokens * kGroup;
  for (int i = static_cast<int>(threadIdx.x); i < kPrefillRows<kMTiles> * 16; i += kThreads) {
    const int row = i >> 4, chunk = i & 15;
    const bool live = first_row + row < rows;
    const std::int64_t at = query_offset<kGroup>(span, a.kv.kv_heads, head, live ? first_row + row : 0);
    copy_16_async(to + chunk_offset(row, chunk), a.q + at + chunk * 8, live);
  }
}

// Scores of a warp's rows against the 64 tokens of a K tile.
template <int kMTiles>
__device__ __forceinline__ void score_tile(float (&score)[kMTiles][8][4], std::uint32_t queries, std::uint32_t keys,
                                           int lane) {
  KVPLAN_UNROLL
  for (int k = 0; k < 8; ++k) {
    std::uint32_t a[kMTiles][4];
    KVPLAN_UNROLL
    for (int m = 0; m < kMTiles; ++m) {
      load_matrices(a[m], queries + chunk_offset(m * 16 + (lane & 15), 2 * k + (lane >> 4)));
    }
    KVPLAN_UNROLL
    for (int n = 0; n < 4; ++n) {
      std::uint32_t b[4];
      load_matrices(b, keys + chunk_offset(n * 16 + key_row(lane), 2 * k + key_chunk(lane)));
      KVPLAN_UNROLL
      for (int m = 0; m < kMTiles; ++m) {
        multiply_add(score[m][2 * n], a[m], b[0], b[1]);
        multiply_add(score[m][2 * n + 1], a[m], b[2], b[3]);
      }
    }
  }
}

// Adds weights times V of a tile to the output.
template <int kMTiles>
__device__ __forceinline__ void weigh_values(RunningSoftmax (&state)[kMTiles], const float (&weight)[kMTiles][8][4],
                                             std::uint32_t values, int lane) {
  KVPLAN_UNROLL
  for (int k = 0; k < 4; ++k) {
    std::uint32_t a[kMTiles][4];
    KVPLAN_UNROLL
    for (int m = 0; m < kMTiles; ++m) weights_fragment(a[m], weight[m][2 * k], weight[m][2 * k + 1]);
    KVPLAN_UNROLL
    for (int d = 0; d < 8; ++d) {
      std::uint32_t b[4];
      load_matrices_transposed(b, values + chunk_offset(k * 16 + (lane & 15), 2 * d + (lane >> 4)));
      KVPLAN_UNROLL
      for (int m = 0; m < kMTiles; ++m) {
        multiply_add(state[m].output[2 * d], a[m], b[0], b[1]);
        multiply_add(state[m].output[2 * d + 1], a[m], b[2], b[3]);
      }
    }
  }
}

// Takes from a 16-row fragment the columns that its rows may not see.
template <int kGroup>
__device__ __forceinline__ void mask_scores(float (&score)[8][4], int first_row, int first_column, int prefix,
                                            int kv_tokens, int lane) {
  KVPLAN_UNROLL
  for (int n = 0; n < 8; ++n) {
    KVPLAN_UNROLL
    for (int e = 0; e < 4; ++e) {
      const int row = first_row + (lane >> 2) + (e >> 1) * 8;
      const int column = first_column + n * 8 + 2 * (lane & 3) + (e & 1);
      const int last = prefix + row / kGroup + (seeded(Bug::mask_one_token_late) ? 1 : 0);
      if (column > last || column >= kv_tokens) score[n][e] = kMinusInfinity;
    }
  }
}

template <int kGroup>
__device__ __forceinline__ void write_rows(const RunningSoftmax& s, const PrefillArguments& a, const SequenceSpan& span,
                                           int head, int first_row, int lane) {
  KVPLAN_UNROLL
  for (int h = 0; h < 2; ++h) {
    const float sum = row_sum(s.sum[h]);
    const float inverse = sum > 0.f ? 1.f / sum : 0.f;
    const int row = first_row + (lane >> 2) + h * 8;
    if (row < span.new_tokens * kGroup) {
      Bf16* to = a.out + query_offset<kGroup>(span, a.kv.kv_heads, head, row) + 2 * (lane & 3);
      KVPLAN_UNROLL
      for (int d = 0; d < 16; ++d) {
        *reinterpret_cast<std::uint32_t*>(to + d * 8) =
            pack_bf16(s.output[d][2 * h] * inverse, s.output[d][2 * h + 1] * inverse);
      }
    }
  }
}

// Grid: (tiles, KV heads). Block: kThreads; kPrefillSharedBytes<kMTiles> of shared memory.
template <int kGroup, int kMTiles>
__global__ void __launch_bounds__(kThreads, 2) prefill_attention(PrefillArguments a) {
  KVPLAN_SHARED(memory);
  constexpr int kRows = kPrefillRows<kMTiles>;
  const PrefillTile tile = a.tiles[blockIdx.x];
  const SequenceSpan span = a.spans[tile.sequence];
  const int head = static_cast<int>(blockIdx.y), lane = static_cast<int>(threadIdx.x & 31);
  const int warp = static_cast<int>(threadIdx.x >> 5), warp_row = warp * 16 * kMTiles;
  const int prefix = span.kv_tokens - span.new_tokens, rows = span.new_tokens * kGroup;
  const std::uint32_t queries = shared_address(memory), stages = queries + kRows * kRowBytes;

  const int last_token = min(tile.first_row + kRows, rows) - 1;
  const int visible = min(span.kv_tokens, prefix + last_token / kGroup + 1);
  const int kv_tiles = (visible + kKvTile - 1) / kKvTile;
  start_queries<kGroup, kMTiles>(queries, a, span, head, tile.first_row);
  start_kv_tile(stages, a.kv, tile.sequence, head, 0, span.kv_tokens);
  commit_copies();

  RunningSoftmax state[kMTiles];
  KVPLAN_UNROLL
  for (int m = 0; m < kMTiles; ++m) clear(state[m]);
  for (int t = 0; t < kv_tiles; ++t) {
    const std::uint32_t stage = stages + static_cast<std::uint32_t>(t & 1) * kStageBytes;
    wait_copies<0>();
    sync_threads();
    if (t + 1 < kv_tiles) {
      start_kv_tile(stages + static_cast<std::uint32_t>((t + 1) & 1) * kStageBytes, a.kv, tile.sequence, head,
                    (t + 1) * kKvTile, span.kv_tokens);
      commit_copies();
    }
    float score[kMTiles][8][4] = {};
    score_tile<kMTiles>(score, queries + static_cast<std::uint32_t>(warp_row) * kRowBytes, stage, lane);
    KVPLAN_UNROLL
    for (int m = 0; m < kMTiles; ++m) {
      const int first_row = tile.first_row + warp_row + m * 16;
      if (t * kKvTile + kKvTile - 1 > prefix + first_row / kGroup) {  // only the diagonal pays for the mask
        mask_scores<kGroup>(score[m], first_row, t * kKvTile, prefix, span.kv_tokens, lane);
      }
      take_scores<8>(score[m], state[m], a.scale * 1.44269504f);
    }
    weigh_values<kMTiles>(state, score, stage + kTileBytes, lane);
  }
  KVPLAN_UNROLL
  for (int m = 0; m < kMTiles; ++m) {
    write_rows<kGroup>(state[m], a, span, head, tile.first_row + warp_row + m * 16, lane);
  }
}

}  // namespace kvplan::gpu

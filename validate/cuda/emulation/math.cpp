#define KVPLAN_EMULATE_LANES
#include "validate/cuda/emulation/math.hpp"

#include <vector>

#include "validate/cuda/kernels/decode.cuh"
#include "validate/cuda/kernels/fused.cuh"
#include "validate/cuda/kernels/prefill.cuh"
#include "validate/cuda/kernels/segments.cuh"

namespace kvplan::gpu {
namespace {

constexpr Schedule kInOrder{};

unsigned number(int n) { return static_cast<unsigned>(n); }

// Kernels whose lanes never meet need no coroutines: one lane after the other.
template <class Body>
void launch_alone(int blocks, int threads, const Body& body) {
  gridDim = {number(blocks), 1, 1};
  blockDim = {number(threads), 1, 1};
  for (unsigned b = 0; b < gridDim.x; ++b) {
    blockIdx = {b, 0, 0};
    for (unsigned t = 0; t < blockDim.x; ++t) {
      threadIdx = {t, 0, 0};
      body();
    }
  }
}

template <int kGroup, int kMTiles>
void prefill(const PrefillArguments& a, int tiles) {
  launch({number(tiles), number(a.kv.kv_heads), 1}, kThreads, kPrefillSharedBytes<kMTiles>, kInOrder,
         [&] { prefill_attention<kGroup, kMTiles>(a); });
}

template <int kGroup>
void decode(const DecodeArguments& a, int sequences) {
  launch({number(a.splits), number(a.kv.kv_heads), number(sequences)}, kThreads, kDecodeSharedBytes, kInOrder,
         [&] { decode_attention<kGroup>(a); });
  launch({number(a.kv.kv_heads * kGroup), number(sequences), 1}, kHeadDim, 16, kInOrder,
         [&] { merge_parts<kGroup>(a); });
}

}  // namespace

void seed_late_mask() { seeded_bug = Bug::mask_one_token_late; }

void prefill_on_host(const void* arguments, int group, int m_tiles, int tiles) {
  const auto& a = *static_cast<const PrefillArguments*>(arguments);
  if (group == 4) {
    m_tiles == 2 ? prefill<4, 2>(a, tiles) : prefill<4, 1>(a, tiles);
  } else {
    m_tiles == 2 ? prefill<8, 2>(a, tiles) : prefill<8, 1>(a, tiles);
  }
}

void decode_on_host(const void* arguments, int group, int sequences) {
  const auto& a = *static_cast<const DecodeArguments*>(arguments);
  group == 4 ? decode<4>(a, sequences) : decode<8>(a, sequences);
}

void rope_append_on_host(const void* arguments, int tokens) {
  const auto& a = *static_cast<const RopeArguments*>(arguments);
  launch_alone(tokens, kFusedThreads, [&] { rope_append(a); });
}

void rms_norm_on_host(const Bf16* x, Bf16* residual, const Bf16* weight, Bf16* out, int tokens, int hidden) {
  launch({number(tokens), 1, 1}, kFusedThreads, 64, kInOrder, [&] { rms_norm(x, residual, weight, out, hidden); });
}

void silu_mul_on_host(const Bf16* gate_up, Bf16* out, int tokens, int intermediate) {
  launch_alone(1, kFusedThreads, [&] { silu_mul(gate_up, out, tokens, intermediate); });
}

void gather_rows_on_host(const std::int32_t* rows, const Bf16* from, Bf16* to, int count, int hidden) {
  launch_alone(count, kFusedThreads, [&] { gather_rows(rows, from, to, hidden); });
}

void argmax_on_host(const Bf16* logits, std::int32_t* token, int rows, int vocabulary) {
  launch({number(rows), 1, 1}, kFusedThreads, 64, kInOrder, [&] { argmax(logits, token, vocabulary); });
}

void hash_segments_on_host(const void* const* segments, std::size_t segment_bytes, int each, std::uint64_t* sums,
                           int blocks) {
  launch({number(blocks), 1, 1}, 256, 256 * sizeof(std::uint64_t), kInOrder,
         [&] { hash_segments(segments, segment_bytes / 8, each, sums); });
}

void fill_words_on_host(std::uint64_t* to, std::size_t words, std::uint64_t seed) {
  launch_alone(1, 1, [&] { fill_words(to, words, seed); });
}

unsigned long long count_wrong_on_host(const std::uint64_t* at, const std::uint32_t* source, std::size_t segment_words,
                                       std::size_t segments, std::uint64_t seed) {
  unsigned long long wrong = 0;
  launch_alone(1, 1, [&] { count_wrong(at, source, segment_words, segments, seed, &wrong); });
  return wrong;
}

void fill_bf16_on_host(Bf16* to, std::size_t count, float deviation, std::uint64_t seed) {
  launch_alone(1, 1, [&] { fill_bf16(to, count, deviation, seed); });
}

void product_on_host(const Bf16* x, const Bf16* w, Bf16* y, std::int64_t m, std::int64_t n, std::int64_t k) {
  const auto width = static_cast<std::size_t>(k);
  std::vector<float> row(width), weights(static_cast<std::size_t>(n * k));
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = to_float(w[i]);
  for (std::int64_t r = 0; r < m; ++r) {
    for (std::size_t i = 0; i < width; ++i) row[i] = to_float(x[static_cast<std::size_t>(r) * width + i]);
    for (std::int64_t c = 0; c < n; ++c) {
      const float* column = weights.data() + static_cast<std::size_t>(c) * width;
      float sums[8] = {};  // eight at a time, for the compiler
      for (std::size_t i = 0; i + 8 <= width; i += 8) {
        for (std::size_t j = 0; j < 8; ++j) sums[j] += row[i + j] * column[i + j];
      }
      float sum = 0;
      for (const float s : sums) sum += s;
      y[r * n + c] = to_bf16(sum);
    }
  }
}

}  // namespace kvplan::gpu

// The kernels' own bodies run on the CPU, for an emulated device that computes.
// Arguments cross as void*: a body's translation unit has vector types of its own,
// with the same layout as CUDA's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "validate/cuda/kernels/bf16.hpp"

namespace kvplan::gpu {

// A mask that lets a token see the next one, in all attention from here on.
void seed_late_mask();

void prefill_on_host(const void* prefill_arguments, int group, int m_tiles, int tiles);
void decode_on_host(const void* decode_arguments, int group, int sequences);
void rope_append_on_host(const void* rope_arguments, int tokens);
void rms_norm_on_host(const Bf16* x, Bf16* residual, const Bf16* weight, Bf16* out, int tokens, int hidden);
void silu_mul_on_host(const Bf16* gate_up, Bf16* out, int tokens, int intermediate);
void gather_rows_on_host(const std::int32_t* rows, const Bf16* from, Bf16* to, int count, int hidden);
void argmax_on_host(const Bf16* logits, std::int32_t* token, int rows, int vocabulary);
void hash_segments_on_host(const void* const* segments, std::size_t segment_bytes, int each, std::uint64_t* sums,
                           int blocks);
void fill_words_on_host(std::uint64_t* to, std::size_t words, std::uint64_t seed);
unsigned long long count_wrong_on_host(const std::uint64_t* at, const std::uint32_t* source, std::size_t segment_words,
                                       std::size_t segments, std::uint64_t seed);
void fill_bf16_on_host(Bf16* to, std::size_t count, float deviation, std::uint64_t seed);
// y[m][n] = x[m][k] times the transpose of w[n][k], summed in float
void product_on_host(const Bf16* x, const Bf16* w, Bf16* y, std::int64_t m, std::int64_t n, std::int64_t k);

}  // namespace kvplan::gpu

// The kernels as the host calls them: each enqueues on a stream and returns what
// the launch said. The bodies stand in the .cuh files of the same name.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "validate/cuda/kernels/arguments.hpp"
#include "validate/cuda/kernels/segment_copy.hpp"

namespace kvplan::gpu {

// group: query heads to a KV head, 4 or 8; m_tiles: 1 (64 rows a block) or 2 (128).
cudaError_t launch_prefill(const PrefillArguments&, int group, int m_tiles, int tiles, cudaStream_t);
cudaError_t launch_decode(const DecodeArguments&, int group, int sequences, cudaStream_t);

// `blocks` thread blocks share the segments, whole warps each.
cudaError_t launch_segment_copy(const SegmentCopy&, int blocks, cudaStream_t);

// x += residual (where there is one), residual = x, out = x / rms(x) * weight; hidden a multiple of 8, at most 8192.
cudaError_t launch_rms_norm(const Bf16* x, Bf16* residual, const Bf16* weight, Bf16* out, int tokens, int hidden,
                            cudaStream_t);
cudaError_t launch_rope_append(const RopeArguments&, int tokens, cudaStream_t);
// gate_up: [tokens][2 intermediate], gate first; out: [tokens][intermediate]
cudaError_t launch_silu_mul(const Bf16* gate_up, Bf16* out, int tokens, int intermediate, cudaStream_t);
cudaError_t launch_argmax(const Bf16* logits, std::int32_t* token, int rows, int vocabulary, cudaStream_t);

// Row i of `to` becomes row rows[i] of `from`; hidden a multiple of 8.
cudaError_t launch_gather_rows(const std::int32_t* rows, const Bf16* from, Bf16* to, int count, int hidden,
                               cudaStream_t);

// sums[b]: a hash of the `each` segments from segments[b * each] on, which depends on where each word stands. Tables and
// sums may lie in pinned host memory.
cudaError_t launch_hash_segments(const void* const* segments, std::size_t segment_bytes, int each, std::uint64_t* sums,
                                 int blocks, cudaStream_t);

// Reproducible contents. `words` of 8 bytes; bf16 values are about normal with the given deviation.
cudaError_t launch_fill_words(std::uint64_t* to, std::size_t words, std::uint64_t seed, cudaStream_t);
cudaError_t launch_fill_bf16(Bf16* to, std::size_t count, float deviation, std::uint64_t seed, cudaStream_t);
// Adds to *wrong the words of segment i of `at` that are not those of segment source[i] of fill_words(seed).
cudaError_t launch_count_wrong(const std::uint64_t* at, const std::uint32_t* source, std::size_t segment_words,
                               std::size_t segments, std::uint64_t seed, unsigned long long* wrong, cudaStream_t);

// Reads every word once and writes their exclusive or over each block's share to sums[block], which keeps the reads.
cudaError_t launch_read_words(const std::uint64_t* from, std::size_t words, std::uint64_t* sums, cudaStream_t);

// Holds the stream until *latch is not 0, or the clocks are over; then *expired is 1.
cudaError_t launch_latch(const volatile int* latch, volatile int* expired, long long clocks, cudaStream_t);

// True where emulation/device_kernels.cpp stands in for a GPU: runs are then labelled synthetic.
bool kernels_are_emulated();

// Loads every kernel: under lazy loading a first launch behind a latch would wait for ever.
cudaError_t load_attention_kernels();
cudaError_t load_copy_kernels();
cudaError_t load_fused_kernels();

}  // namespace kvplan::gpu

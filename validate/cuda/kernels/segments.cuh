// Copies of many segments between pools by the GPU's own processors, reading or
// writing pinned host memory in place; and contents that can be checked.
//
// A warp takes a slice of a segment at a time and keeps four 16-byte loads a lane
// in flight; how many blocks run decides how much of the GPU the copy takes.
#pragma once

#include <cstddef>

#include "validate/cuda/kernels/lanes.cuh"
#include "validate/cuda/kernels/segment_copy.hpp"

namespace kvplan::gpu {

constexpr int kCopyThreads = 512;
constexpr std::size_t kSliceWords = 1024;  // of 16 bytes

__global__ void __launch_bounds__(kCopyThreads) copy_segments(SegmentCopy a) {
  const int warp = static_cast<int>((blockIdx.x * blockDim.x + threadIdx.x) / 32);
  const int warps = static_cast<int>(gridDim.x * blockDim.x / 32);
  const std::size_t lane = threadIdx.x & 31;
  const std::size_t words = a.segment_bytes / 16 - (seeded(Bug::last_segment_words_dropped) ? 1 : 0);
  const int slices = static_cast<int>((words + kSliceWords - 1) / kSliceWords);
  for (int i = warp; i < a.segments * slices; i += warps) {
    const uint4* from = static_cast<const uint4*>(a.from[i / slices]);
    uint4* to = static_cast<uint4*>(a.to[i / slices]);
    const std::size_t begin = static_cast<std::size_t>(i % slices) * kSliceWords;
    const std::size_t end = min(words, begin + kSliceWords);
    std::size_t j = begin + lane;
    for (; j + 96 < end; j += 128) {
      const uint4 first = load_once(from + j), second = load_once(from + j + 32);
      const uint4 third = load_once(from + j + 64), fourth = load_once(from + j + 96);
      store_once(to + j, first);
      store_once(to + j + 32, second);
      store_once(to + j + 64, third);
      store_once(to + j + 96, fourth);
    }
    for (; j < end; j += 32) store_once(to + j, load_once(from + j));
  }
}

// Word i of contents `seed`: a mixed counter (splitmix64), so that no two words of a pool agree but by chance.
__device__ __forceinline__ std::uint64_t content_word(std::uint64_t seed, std::uint64_t i) {
  std::uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

__global__ void __launch_bounds__(256) fill_words(std::uint64_t* to, std::size_t words, std::uint64_t seed) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < words; i += step) {
    to[i] = content_word(seed, i);
  }
}

// Block b hashes the segments [b * each, (b + 1) * each): a sum of words mixed with their positions.
__global__ void __launch_bounds__(256)
    hash_segments(const void* const* segments, std::size_t segment_words, int each, std::uint64_t* sums) {
  KVPLAN_SHARED(memory);
  std::uint64_t* share = reinterpret_cast<std::uint64_t*>(memory);
  std::uint64_t mine = 0;
  for (int i = 0; i < each; ++i) {
    const std::uint64_t* words =
        static_cast<const std::uint64_t*>(segments[static_cast<std::size_t>(blockIdx.x) * static_cast<unsigned>(each) +
                                                   static_cast<unsigned>(i)]);
    for (std::size_t w = threadIdx.x; w < segment_words; w += blockDim.x) {
      mine += content_word(words[w], static_cast<std::uint64_t>(i) * segment_words + w);
    }
  }
  share[threadIdx.x] = mine;
  sync_threads();
  if (threadIdx.x != 0) return;
  std::uint64_t sum = 0;
  for (unsigned t = 0; t < blockDim.x; ++t) sum += share[t];
  sums[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(256)
    count_wrong(const std::uint64_t* at, const std::uint32_t* source, std::size_t segment_words, std::size_t segments,
                std::uint64_t seed, unsigned long long* wrong) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  unsigned long long mine = 0;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < segments * segment_words;
       i += step) {
    const std::uint64_t origin = source[i / segment_words] * static_cast<std::uint64_t>(segment_words);
    if (at[i] != content_word(seed, origin + i % segment_words)) ++mine;
  }
  if (mine != 0) add_atomically(wrong, mine);
}

// Four 16-bit uniforms added up: near enough to normal for weights and activations, and never the zeros on which
// matrix products run faster than on real data.
__global__ void __launch_bounds__(256) fill_bf16(Bf16* to, std::size_t count, float deviation, std::uint64_t seed) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) {
    const std::uint64_t bits = content_word(seed, i);
    float sum = -2.f;
    for (int k = 0; k < 4; ++k) sum += static_cast<float>((bits >> (16 * k)) & 0xffff) * (1.f / 65535.f);
    to[i].bits = static_cast<std::uint16_t>(pack_bf16(sum * deviation * 1.7320508f, 0.f));
  }
}

}  // namespace kvplan::gpu

#include "validate/cuda/kernels/launch.hpp"
#include "validate/cuda/kernels/segments.cuh"

namespace kvplan::gpu {
namespace {

constexpr unsigned kFillBlocks = 1056;

// The clocks end the wait where the host cannot: it may be stuck in a call that waits for this stream.
__global__ void hold(const volatile int* latch, volatile int* expired, long long clocks) {
  const long long end = clock64() + clocks;
  while (*latch == 0) {
    if (clock64() >= end) {
      *expired = 1;
      return;
    }
  }
}

// Sixteen bytes a lane, four in flight.
__global__ void __launch_bounds__(256) read_words(const uint4* from, std::size_t vectors, std::uint64_t* sums) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  std::uint32_t mixed = 0;
  std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const auto mix = [&](const uint4& v) { mixed ^= v.x ^ v.y ^ v.z ^ v.w; };
  for (; i + 3 * step < vectors; i += 4 * step) {
    const uint4 a = load_once(from + i), b = load_once(from + i + step);
    const uint4 c = load_once(from + i + 2 * step), d = load_once(from + i + 3 * step);
    mix(a);
    mix(b);
    mix(c);
    mix(d);
  }
  for (; i < vectors; i += step) mix(load_once(from + i));
  for (int mask = 16; mask > 0; mask /= 2) mixed ^= lane_xor(mixed, mask);
  if (threadIdx.x == 0) sums[blockIdx.x] = mixed;
}

}  // namespace

bool kernels_are_emulated() { return false; }

cudaError_t launch_read_words(const std::uint64_t* from, std::size_t words, std::uint64_t* sums, cudaStream_t stream) {
  read_words<<<kFillBlocks, 256, 0, stream>>>(reinterpret_cast<const uint4*>(from), words / 2, sums);
  return cudaGetLastError();
}

cudaError_t launch_segment_copy(const SegmentCopy& a, int blocks, cudaStream_t stream) {
  copy_segments<<<static_cast<unsigned>(blocks), kCopyThreads, 0, stream>>>(a);
  return cudaGetLastError();
}

cudaError_t launch_fill_words(std::uint64_t* to, std::size_t words, std::uint64_t seed, cudaStream_t stream) {
  fill_words<<<kFillBlocks, 256, 0, stream>>>(to, words, seed);
  return cudaGetLastError();
}

cudaError_t launch_fill_bf16(Bf16* to, std::size_t count, float deviation, std::uint64_t seed, cudaStream_t stream) {
  fill_bf16<<<kFillBlocks, 256, 0, stream>>>(to, count, deviation, seed);
  return cudaGetLastError();
}

cudaError_t launch_count_wrong(const std::uint64_t* at, const std::uint32_t* source, std::size_t segment_words,
                               std::size_t segments, std::uint64_t seed, unsigned long long* wrong,
                               cudaStream_t stream) {
  count_wrong<<<kFillBlocks, 256, 0, stream>>>(at, source, segment_words, segments, seed, wrong);
  return cudaGetLastError();
}

cudaError_t launch_hash_segments(const void* const* segments, std::size_t segment_bytes, int each, std::uint64_t* sums,
                                 int blocks, cudaStream_t stream) {
  hash_segments<<<static_cast<unsigned>(blocks), 256, 256 * sizeof(std::uint64_t), stream>>>(
      segments, segment_bytes / 8, each, sums);
  return cudaGetLastError();
}

cudaError_t launch_latch(const volatile int* latch, volatile int* expired, long long clocks, cudaStream_t stream) {
  hold<<<1, 1, 0, stream>>>(latch, expired, clocks);
  return cudaGetLastError();
}

cudaError_t load_copy_kernels() {
  cudaFuncAttributes unused;
  for (const cudaError_t error :
       {cudaFuncGetAttributes(&unused, copy_segments), cudaFuncGetAttributes(&unused, fill_words),
        cudaFuncGetAttributes(&unused, fill_bf16), cudaFuncGetAttributes(&unused, count_wrong),
        cudaFuncGetAttributes(&unused, hold), cudaFuncGetAttributes(&unused, read_words),
        cudaFuncGetAttributes(&unused, hash_segments)}) {
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

}  // namespace kvplan::gpu

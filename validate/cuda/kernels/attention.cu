#include "validate/cuda/kernels/decode.cuh"
#include "validate/cuda/kernels/launch.hpp"
#include "validate/cuda/kernels/prefill.cuh"

namespace kvplan::gpu {
namespace {

// Above 48 KiB a kernel must ask for its shared memory once.
template <class Kernel>
cudaError_t allow_shared(Kernel* kernel, std::uint32_t bytes) {
  return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
}

template <int kGroup, int kMTiles>
cudaError_t prefill(const PrefillArguments& a, int tiles, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(a.kv.kv_heads));
  prefill_attention<kGroup, kMTiles><<<grid, kThreads, kPrefillSharedBytes<kMTiles>, stream>>>(a);
  return cudaGetLastError();
}

template <int kGroup>
cudaError_t decode(const DecodeArguments& a, int sequences, cudaStream_t stream) {
  const auto n = static_cast<unsigned>(sequences), heads = static_cast<unsigned>(a.kv.kv_heads);
  decode_attention<kGroup>
      <<<dim3(static_cast<unsigned>(a.splits), heads, n), kThreads, kDecodeSharedBytes, stream>>>(a);
  merge_parts<kGroup><<<dim3(heads * kGroup, n), kHeadDim, 0, stream>>>(a);
  return cudaGetLastError();
}

}  // namespace

cudaError_t launch_prefill(const PrefillArguments& a, int group, int m_tiles, int tiles, cudaStream_t stream) {
  if (group == 4) return m_tiles == 2 ? prefill<4, 2>(a, tiles, stream) : prefill<4, 1>(a, tiles, stream);
  if (group == 8) return m_tiles == 2 ? prefill<8, 2>(a, tiles, stream) : prefill<8, 1>(a, tiles, stream);
  return cudaErrorInvalidValue;
}

cudaError_t launch_decode(const DecodeArguments& a, int group, int sequences, cudaStream_t stream) {
  if (group == 4) return decode<4>(a, sequences, stream);
  if (group == 8) return decode<8>(a, sequences, stream);
  return cudaErrorInvalidValue;
}

cudaError_t load_attention_kernels() {
  cudaFuncAttributes unused;
  for (const cudaError_t error :
       {allow_shared(prefill_attention<4, 1>, kPrefillSharedBytes<1>),
        allow_shared(prefill_attention<8, 1>, kPrefillSharedBytes<1>),
        allow_shared(prefill_attention<4, 2>, kPrefillSharedBytes<2>),
        allow_shared(prefill_attention<8, 2>, kPrefillSharedBytes<2>),
        allow_shared(decode_attention<4>, kDecodeSharedBytes), allow_shared(decode_attention<8>, kDecodeSharedBytes),
        cudaFuncGetAttributes(&unused, merge_parts<4>), cudaFuncGetAttributes(&unused, merge_parts<8>)}) {
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

}  // namespace kvplan::gpu

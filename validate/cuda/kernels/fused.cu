#include "validate/cuda/kernels/fused.cuh"
#include "validate/cuda/kernels/launch.hpp"

namespace kvplan::gpu {
namespace {

constexpr std::size_t kScratchBytes = 2 * sizeof(float) * kFusedThreads / 32;

}  // namespace

cudaError_t launch_rms_norm(const Bf16* x, Bf16* residual, const Bf16* weight, Bf16* out, int tokens, int hidden,
                            cudaStream_t stream) {
  if (hidden % 8 != 0 || hidden > kNormVectors * kFusedThreads * 8) return cudaErrorInvalidValue;
  rms_norm<<<static_cast<unsigned>(tokens), kFusedThreads, kScratchBytes, stream>>>(x, residual, weight, out, hidden);
  return cudaGetLastError();
}

cudaError_t launch_rope_append(const RopeArguments& a, int tokens, cudaStream_t stream) {
  rope_append<<<static_cast<unsigned>(tokens), kFusedThreads, 0, stream>>>(a);
  return cudaGetLastError();
}

cudaError_t launch_silu_mul(const Bf16* gate_up, Bf16* out, int tokens, int intermediate, cudaStream_t stream) {
  if (intermediate % 8 != 0) return cudaErrorInvalidValue;
  const std::int64_t vectors = static_cast<std::int64_t>(tokens) * intermediate / 8;
  const auto blocks =
      static_cast<unsigned>(std::min<std::int64_t>((vectors + kFusedThreads - 1) / kFusedThreads, 4224));
  silu_mul<<<blocks, kFusedThreads, 0, stream>>>(gate_up, out, tokens, intermediate);
  return cudaGetLastError();
}

cudaError_t launch_gather_rows(const std::int32_t* rows, const Bf16* from, Bf16* to, int count, int hidden,
                               cudaStream_t stream) {
  if (hidden % 8 != 0) return cudaErrorInvalidValue;
  gather_rows<<<static_cast<unsigned>(count), kFusedThreads, 0, stream>>>(rows, from, to, hidden);
  return cudaGetLastError();
}

cudaError_t launch_argmax(const Bf16* logits, std::int32_t* token, int rows, int vocabulary, cudaStream_t stream) {
  if (vocabulary % 8 != 0) return cudaErrorInvalidValue;
  argmax<<<static_cast<unsigned>(rows), kFusedThreads, kScratchBytes, stream>>>(logits, token, vocabulary);
  return cudaGetLastError();
}

cudaError_t load_fused_kernels() {
  cudaFuncAttributes unused;
  for (const cudaError_t error : {cudaFuncGetAttributes(&unused, rms_norm), cudaFuncGetAttributes(&unused, rope_append),
                                  cudaFuncGetAttributes(&unused, silu_mul), cudaFuncGetAttributes(&unused, argmax),
                                  cudaFuncGetAttributes(&unused, gather_rows)}) {
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

}  // namespace kvplan::gpu

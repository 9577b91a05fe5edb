// Calls whose form differs between CUDA 12 and 13.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace kvplan::gpu {

enum class Side { host, gpu };

// Moves managed memory to the current GPU, or to the host.
inline cudaError_t prefetch(const void* p, std::size_t bytes, Side side, cudaStream_t stream) {
  int device = 0;
  const cudaError_t error = cudaGetDevice(&device);
  if (error != cudaSuccess) return error;
#if CUDART_VERSION >= 13000
  cudaMemLocation location{};
  location.type = side == Side::gpu ? cudaMemLocationTypeDevice : cudaMemLocationTypeHost;
  location.id = side == Side::gpu ? device : 0;
  return cudaMemPrefetchAsync(p, bytes, location, 0u, stream);
#else
  return cudaMemPrefetchAsync(p, bytes, side == Side::gpu ? device : cudaCpuDeviceId, stream);
#endif
}

}  // namespace kvplan::gpu

// Many copies in one call. Toolkits before 12.8 have no such call: `available`
// says so, and what would have used it is waived, never replaced in silence.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <vector>

#include "validate/cuda/device/cuda.hpp"

namespace kvplan::gpu {

enum class BatchOrder { stream, any };

// A driver has been reported to hang on a call with tens of thousands of copies; one call takes at most this many.
constexpr std::size_t kMostInBatch = 4096;

#if CUDART_VERSION >= 12080

constexpr bool kBatchCopies = true;

// `beside_compute` hints that the copies should leave the processors to others. Not for the legacy default stream.
inline void batch_copy(const std::vector<void*>& to, const std::vector<const void*>& from, std::size_t bytes,
                       BatchOrder order, bool beside_compute, cudaStream_t stream) {
  cudaMemcpyAttributes attributes{};
  attributes.srcAccessOrder = order == BatchOrder::any ? cudaMemcpySrcAccessOrderAny : cudaMemcpySrcAccessOrderStream;
  attributes.flags = beside_compute ? cudaMemcpyFlagPreferOverlapWithCompute : cudaMemcpyFlagDefault;
  for (std::size_t first = 0; first < to.size(); first += kMostInBatch) {
    const std::size_t count = std::min(kMostInBatch, to.size() - first);
    std::vector<std::size_t> sizes(count, bytes), attribute_of(count, 0);
#if CUDART_VERSION >= 13000
    KVPLAN_CUDA(cudaMemcpyBatchAsync(to.data() + first, from.data() + first, sizes.data(), count, &attributes,
                                     attribute_of.data(), 1, stream));
#else
    std::size_t failed = 0;
    KVPLAN_CUDA(cudaMemcpyBatchAsync(const_cast<void**>(to.data() + first),
                                     const_cast<void**>(const_cast<const void**>(from.data() + first)), sizes.data(),
                                     count, &attributes, attribute_of.data(), 1, &failed, stream));
#endif
  }
}

#else

constexpr bool kBatchCopies = false;
inline void batch_copy(const std::vector<void*>&, const std::vector<const void*>&, std::size_t, BatchOrder, bool,
                       cudaStream_t) {
  throw std::runtime_error("built with a CUDA toolkit before 12.8, which has no batched copies");
}

#endif

}  // namespace kvplan::gpu

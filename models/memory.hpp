// What is left of a GPU's memory for KV.
//
//   KV = utilization x HBM - weights / TP - activations and runtime (3 GiB)
//
// HBM is what CUDA exposes. The 3 GiB are about what real vLLM and TensorRT-LLM servers were found to keep. vLLM 0.19 with
// steps of 8,192 tokens keeps 2.1 to 3.0 on one GPU and 3.3 to 4.5 on each of several, of most models; up to 5.4 of
// mixtures of experts (`kvplan validate published kv-capacity`); with steps of 2,048 tokens it was under one.
#pragma once

#include "hardware/hardware.hpp"
#include "models/architecture.hpp"

namespace kvplan {

inline constexpr Bytes kActivationAndRuntimeBytes{std::int64_t{3} << 30};
inline constexpr double kGpuMemoryUtilization = 0.9;  // vLLM's default

// Of one GPU. InfeasibleError that names the bytes and the ways out when nothing is left.
Bytes kv_memory_per_gpu(const Architecture&, const Hardware&, std::int32_t tp, Dtype weights,
                        double gpu_memory_utilization = kGpuMemoryUtilization);

// How KV memory is divided where some layers see a window. A hybrid cache manager keeps of these layers only the last
// window of each running sequence; one that is not keeps every token in every layer. Both are possible; the one that
// holds more tokens counts, and with it what is cached, moved and stored of a token.
//
//   hybrid: bytes of the layers without a window a token, after sequences x window x bytes of the others are set aside
struct KvShare {
  Bytes per_token;  // of the whole replica: what its GPUs have together, a latent or a KV head of several once for each
  Bytes per_token_per_gpu;
  Bytes set_aside{0};       // of one GPU, for windows; 0: every layer keeps every token
  Bytes paged;              // of one GPU: the rest
  std::int32_t layers = 0;  // whose KV a token takes
};
KvShare kv_share(const Architecture&, Dtype kv, std::int32_t tp, Bytes memory_per_gpu, std::int64_t sequences);

// What one of those layers keeps of a page apart: K or V, or the one latent of both.
Bytes page_of_layer(const Architecture&, const KvShare&, std::int32_t page_tokens);

}  // namespace kvplan

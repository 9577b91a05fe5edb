// What is left of a GPU's memory for KV.
//
//   KV = utilization x HBM - weights / TP - activations and runtime (3 GiB)
//
// The 3 GiB are what real vLLM and TensorRT-LLM servers were found to keep.
#pragma once

#include "hardware/hardware.hpp"
#include "models/architecture.hpp"

namespace kvplan {

inline constexpr Bytes kActivationAndRuntimeBytes{std::int64_t{3} << 30};
inline constexpr double kGpuMemoryUtilization = 0.9;  // vLLM's default

// Of one GPU. InfeasibleError that names the bytes and the ways out when nothing is left.
Bytes kv_memory_per_gpu(const Architecture&, const Gpu&, std::int32_t tp, Dtype weights,
                        double gpu_memory_utilization = kGpuMemoryUtilization);

}  // namespace kvplan

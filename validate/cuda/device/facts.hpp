// What can be known of this machine before anything is measured.
#pragma once

#include "validate/cuda/device/nvml.hpp"
#include "validate/gpu_run/judge.hpp"

namespace kvplan::gpu {

// Of a device that the runtime has opened.
DeviceFacts facts_of(int device, const Nvml&, bool cublaslt);

// For the run's env: names, sizes, counts, versions.
RunValues describe_gpu(int device, const Nvml&, const std::string& cublaslt_version);
RunValues describe_host();

}  // namespace kvplan::gpu

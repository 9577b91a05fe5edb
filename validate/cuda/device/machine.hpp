// The machine that a run is on, and what is to be known of it before its figures are used.
#pragma once

#include "validate/cuda/device/matmul.hpp"
#include "validate/cuda/device/nvml.hpp"
#include "validate/gpu_run/judge.hpp"

namespace kvplan::gpu {

struct Machine {
  RunValues gpu, host;
  std::vector<RunFinding> findings;
  DeviceFacts facts;

  bool refuses() const;
};

// Of device 0. Findings are told on stderr too.
Machine inspect_machine(const Nvml& nvml, const Matmul& matmul);

std::string bus_id();  // of device 0, for NVML
std::string utc_now();

}  // namespace kvplan::gpu

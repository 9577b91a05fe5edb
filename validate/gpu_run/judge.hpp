// What the facts of a machine say about measuring on it: which forbid it, and
// which only make its figures doubtful. Each has a code, so that they are told
// apart; docs/gpu-harness.md lists the codes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "validate/gpu_run/gpu_run.hpp"

namespace kvplan {

struct DeviceFacts {
  std::string name;
  int compute_major = 9, compute_minor = 0;
  int driver = 13000, runtime = 13000;  // CUDA versions, 1000 x major + 10 x minor; driver 0: none
  bool mig = false;
  std::int64_t hbm_bytes = 0, hbm_free_bytes = 0;
  std::int64_t host_bytes = 0, host_available_bytes = 0;
  int other_processes = 0;        // that compute on the GPU; -1: unknown
  int busy_percent = 0;           // before anything of ours ran; -1: unknown
  std::string throttle = "none";  // NVML's reasons; "unknown"
  bool nvml = true;
  bool cublaslt = true;
};

// What the largest experiments need.
constexpr std::int64_t kLeastHbmBytes = std::int64_t{8} << 30;
constexpr std::int64_t kWholeHbmBytes = std::int64_t{40} << 30;
constexpr std::int64_t kLeastHostBytes = std::int64_t{4} << 30;

std::vector<RunFinding> judge(const DeviceFacts&);

}  // namespace kvplan

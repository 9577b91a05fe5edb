// Whether a run of kvplan-gpu, or of nvbandwidth, may describe a hardware: what forbids that, and what to know before
// its figures are used.
#pragma once

#include <string>
#include <vector>

#include "hardware/hardware.hpp"
#include "validate/gpu_run/gpu_run.hpp"
#include "validate/gpu_run/nvbandwidth.hpp"

namespace kvplan {

// What counts beside what a GPU measured without a doubt.
struct RunUse {
  bool synthetic = false;  // runs that a formula made
  bool suspect = false;    // points that are suspect: they become ok
};

// Returns warnings: the run's findings, that it ended early, how many suspect points count. InputError for a run by a
// formula, of a slice of a GPU, or whose context was lost.
std::vector<std::string> admit(GpuRun&, const std::string& file, const RunUse&);

// "h100" of "NVIDIA H100 80GB HBM3", of "H100 SXM5 80 GB" and of "h100_sxm"; of a name that holds no known kind its first
// word behind the maker's, in small letters.
std::string gpu_kind(const std::string& name);

// InputError where that is not the hardware's GPU: another kind, another board (PCIe, NVL), another size of memory.
void check_gpu(const GpuRun&, const std::string& file, const Hardware&);
void check_gpu(const NvbandwidthRun&, const std::string& file, const Hardware&);
void check_gpu_kind(const std::string& kind, const std::string& file, const Hardware&);

}  // namespace kvplan

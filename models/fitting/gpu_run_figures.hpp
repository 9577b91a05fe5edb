// What a run of kvplan-gpu, or of NVIDIA's nvbandwidth, says beyond operators: small kernels, links, and whether whole
// layers take what their operators take.
#pragma once

#include <string>
#include <vector>

#include "models/operators/calibration.hpp"
#include "validate/gpu_run/gpu_run.hpp"
#include "validate/gpu_run/nvbandwidth.hpp"

namespace kvplan {

// A figure of a hardware file (hardware/figures.hpp), of the links between host memory and GPUs or of the node.
struct MeasuredFigure {
  std::string key;  // "to_device_bytes_per_s", ..., "copy_slowdown_to_device", "storage_read_bytes_per_s", "hbm_bytes"
  double value = 0;
  double low = 0, high = 0;  // the value, less and more the fit's largest relative error; equal for a single rate
  std::string note;          // from how many sizes or kernels
  bool doubtful = false;     // the measured times are far from the line that this figure is of
};

// Rates and costs of a segment from scattered copies one DMA a segment (X2), whose times contain the submission unless
// segments are so large that it is hidden, or from contiguous ones (X1) where those have fewer than three sizes; what
// both directions move at once (X3); slowdowns of compute by copies and of copies by compute (X5); for how many pieces of
// large copies a small one waits (X4). Beside any of these, so that a run without links is told as such: the memory that
// CUDA exposes. InputError where times are no line at all.
std::vector<MeasuredFigure> figures_of(const GpuRun&);
// What the folder of the file tier reads and writes (X14), most threads, blocks of nearly `block_bytes`: of whatever
// disk that machine had, which in a virtual one is no drive of the data sheet.
std::vector<MeasuredFigure> storage_figures_of(const GpuRun&, std::int64_t block_bytes = std::int64_t{2} << 20);
// Rates of pinned copies by copy engine, and of both directions at once.
std::vector<MeasuredFigure> figures_of(const NvbandwidthRun&);

// Bytes of norm, rotation and activation over their time and the peak, of the largest sizes: the mean, and the least
// and most of a kernel. rows 0: not measured.
struct SmallKernels {
  Coefficient efficiency;
  std::int64_t rows = 0;
};
SmallKernels small_kernels_of(const GpuRun&, double hbm_bytes_per_s);

// Stacks of layers and lm_head (X11), which no fit has seen, beside what the calibration makes of them. Empty where it
// does not cover the model.
std::vector<StackCheck> check_stacks(const GpuRun&, const Calibration&);

}  // namespace kvplan

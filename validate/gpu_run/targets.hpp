// What the kernels and paths of a run reach, against what they should.
#pragma once

#include <string>
#include <vector>

#include "validate/gpu_run/gpu_run.hpp"

namespace kvplan {

struct RunTarget {
  std::string what, unit;
  double reached = 0;
  double wanted = 0;  // at least; 0: only reported
  bool measured = false;

  bool met() const { return measured && reached >= wanted; }
};

// Segments of 2 MiB against the best large copy, decode attention against what a copy inside HBM moves (read and
// written bytes both counted), prefill attention and matrix products in TFLOP/s. Only points that are ok count.
std::vector<RunTarget> targets_of(const GpuRun&);

std::string to_text(const std::vector<RunTarget>&);

}  // namespace kvplan

// What copies by other ways than one DMA a segment take, as a run measured them: surfaces for a hardware file.
#pragma once

#include <string>
#include <vector>

#include "hardware/copy_surface.hpp"
#include "validate/gpu_run/gpu_run.hpp"

namespace kvplan {

struct MeasuredSurface {
  std::string method;  // "batch": batched copies in stream order; "kernel": our copy kernel with 12 blocks, as vLLM's
  bool to_device = true;
  std::vector<CopySurface::Point> points;  // as a hardware file has them; three sizes of segments at least
};

// From scattered segments (X2). Many segments run without a latch, and their times contain the submission; few are taken
// to be no faster than they are submitted. Where a count had no room for the sizes that a smaller count has, those of
// the smaller count stand in: more of the same segments are no slower a byte.
std::vector<MeasuredSurface> surfaces_of(const GpuRun&);

}  // namespace kvplan

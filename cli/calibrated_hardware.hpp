// A hardware file with figures of its links, and of copies slowing compute, as they were measured.
#pragma once

#include <string>
#include <vector>

#include "models/fitting/gpu_run_figures.hpp"
#include "models/fitting/gpu_run_surfaces.hpp"

namespace kvplan {

struct FigureSource {
  std::string path;
  std::string text;  // what measured it, on what
  std::string date;
  std::vector<MeasuredFigure> figures;
  std::vector<MeasuredSurface> surfaces;
};

// The JSON of `hardware` (a name or path, as load_hardware takes it) with each figure replaced: link figures in the link
// kinds between host memory and GPUs. `calibration`: what it names then; "" keeps its own. Sources and notes say where
// each figure is from; a surface replaces those of its method and direction. UsageError where two sources give one
// figure, InputError where the link cannot be as fast as was measured, or where kvplan would not load what came out.
std::string calibrated_hardware(const std::string& hardware, const std::string& calibration,
                                const std::vector<FigureSource>& sources);

}  // namespace kvplan

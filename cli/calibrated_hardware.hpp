// A hardware file with figures of its links, and of copies slowing compute, as they were measured.
#pragma once

#include <string>
#include <vector>

#include "models/fitting/gpu_run_figures.hpp"

namespace kvplan {

struct FigureSource {
  std::string text;  // what measured it, on what
  std::string date;
  std::vector<MeasuredFigure> figures;
};

// The JSON of `hardware` (a name or path, as load_hardware takes it) with each figure replaced: link figures in the link
// kinds between host memory and GPUs. `calibration`: what it names then; "" keeps its own. Sources and notes say where
// each figure is from. UsageError where two sources give one figure.
std::string calibrated_hardware(const std::string& hardware, const std::string& calibration,
                                const std::vector<FigureSource>& sources);

}  // namespace kvplan

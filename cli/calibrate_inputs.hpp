// What kinds of measurements `kvplan calibrate` was given, told by their contents.
#pragma once

#include <string>
#include <vector>

namespace kvplan {

struct CalibrateInputs {
  std::vector<std::string> operators;    // tables of operators, and runs of kvplan-gpu
  std::vector<std::string> gpu_runs;     // those of the above that are runs
  std::vector<std::string> nvbandwidth;  // its JSON
  std::vector<std::string> servers;      // rows or result files of whole servers
};

CalibrateInputs sort_inputs(const std::vector<std::string>& paths);

}  // namespace kvplan

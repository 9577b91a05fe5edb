// `kvplan-gpu measure`: all experiments, or some, into one run file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvplan::gpu {

struct MeasureOptions {
  std::string out = "gpu-run.json";
  std::vector<std::string> only;  // ids; empty: all that the run has
  bool quick = false;
  bool managed = false;  // X15 too
  std::uint64_t seed = 1;
  std::vector<std::string> arguments;
};

// The process's exit code. The file is written after every experiment, so that what was measured is kept whatever
// happens.
int measure(const MeasureOptions& options);

}  // namespace kvplan::gpu

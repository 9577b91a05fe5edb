// Reads what kvplan-gpu wrote.
#pragma once

#include <string>

#include "validate/gpu_run/gpu_run.hpp"

namespace kvplan {

// Compressed or not. Throws InputError with every finding: another schema, missing or mistyped keys, a summary that is
// not that of its samples (an edited file), a measured point without samples.
GpuRun read_gpu_run(const std::string& path);
GpuRun parse_gpu_run(const std::string& text, const std::string& name);

}  // namespace kvplan

// What the CUDA runtime says of each GPU of this machine, as JSON: memory,
// processors, copy engines, and how the GPU reaches host memory, which decides the
// hardware file that fits.
#pragma once

namespace kvplan::gpu {

enum class Presence { gpu, none, old_driver, broken };
Presence presence();

// The process's exit code.
int list_gpus();

}  // namespace kvplan::gpu

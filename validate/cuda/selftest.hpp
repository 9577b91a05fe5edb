// Every kernel against its reference in double precision, on the GPU. Small: a
// few seconds, and minutes under compute-sanitizer.
#pragma once

namespace kvplan::gpu {

// Prints a line a check to stdout; how many failed. Throws CudaError.
int run_selftest();

}  // namespace kvplan::gpu

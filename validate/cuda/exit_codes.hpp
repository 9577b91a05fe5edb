// How kvplan-gpu ends.
#pragma once

namespace kvplan::gpu {

constexpr int kDone = 0;
constexpr int kCudaFailed = 1;  // a CUDA call that the run could not survive, named on stderr
constexpr int kUsage = 2;
constexpr int kNoGpu = 6;          // or no driver
constexpr int kCannotMeasure = 7;  // a GPU that cannot be measured: old driver, too little memory, ...
constexpr int kSomeFailed = 8;     // points of a run, or checks of the self-test
constexpr int kInterrupted = 130;  // what was measured is in the file

}  // namespace kvplan::gpu

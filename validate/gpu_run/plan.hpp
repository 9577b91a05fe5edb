// The experiments: what each measures and how long it may take. The runner stops
// an experiment that has spent its time; what is left of it is recorded as waived.
#pragma once

#include <array>
#include <string_view>

namespace kvplan {

struct PlannedExperiment {
  std::string_view id, title;
  double full_s;   // budget of a whole run
  double quick_s;  // of --quick; 0: not part of it
};

constexpr std::array<PlannedExperiment, 16> kExperiments{{
    {"X1", "contiguous copies: pinned, registered, pageable; both directions and inside HBM", 12, 4},
    {"X2", "scattered segments by method, size and count", 55, 14},
    {"X3", "both directions at once, and several streams in one", 6, 0},
    {"X4", "a small copy behind a large one", 6, 0},
    {"X5", "copies and kernels slowing each other", 24, 10},
    {"X6", "repacking on the GPU and staging", 6, 0},
    {"X7", "matrix products against tokens, bf16 and fp8", 24, 10},
    {"X8", "prefill attention with a cached prefix", 16, 8},
    {"X9", "paged decode attention", 14, 8},
    {"X10", "small kernels and host overhead", 6, 4},
    {"X11", "stacks of whole layers, and how well one layer stands for many", 34, 10},
    {"X12", "loading layer by layer under compute", 14, 0},
    {"X13", "recomputing a part while loading the rest", 14, 0},
    {"X14", "file tier: direct reads and writes, and on to the GPU", 25, 0},
    {"X15", "managed memory, and pageable memory read in place", 8, 0},
    {"X16", "pinning and registering host memory", 10, 0},
}};

// Set-up (memory, contents, warming the clocks) and the anchors measured at both ends.
constexpr double kFullSetUpSeconds = 20;
constexpr double kQuickSetUpSeconds = 6;

}  // namespace kvplan

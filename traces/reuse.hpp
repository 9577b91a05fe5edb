// When the blocks of a trace come back, and how much of it lives at once.
#pragma once

#include <cstdint>
#include <vector>

#include "traces/statistics.hpp"

namespace kvplan {

// One of several equal parts of the trace's duration.
struct TracePart {
  double from_s = 0;
  std::int64_t turns = 0;
  std::int64_t output_tokens = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t reused_tokens = 0;  // of those: had been in an earlier prompt
  std::int64_t unique_blocks = 0;  // since the start of the trace
};

struct WorkingSet {
  double window_s = 0;
  double mean_tokens = 0, max_tokens = 0;  // distinct tokens that the prompts of a window hold
};

// A block that more than half of all turns use (a system prompt) is left out of the intervals: it is always there.
struct Reuse {
  Summary interval_s;             // between two uses of a block, one after the other
  Summary interval_tokens;        // prompt tokens of the turns from one to the other
  Summary stack_distance_tokens;  // distinct blocks touched in between, times the block size
  double used_once_share = 0;     // of distinct blocks
  std::vector<TracePart> parts;
  std::vector<WorkingSet> working_sets;
};

// In the order of the recorded timeline, which need not be that of the turns: a recording may contradict its think times.
Reuse reuse_of(const Workload& workload, std::size_t parts = 6);

}  // namespace kvplan

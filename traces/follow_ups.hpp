// What follows from Turn::continues and the blocks alone; the last steps of whoever makes a Workload.
#pragma once

#include "traces/workload.hpp"

namespace kvplan {

// Fills the output blocks of every turn, as traces/compile.hpp defines them.
void attach_outputs(Workload&);

// Sessions are the trees of `continues`, numbered by their first turn.
void number_sessions(Workload&);

}  // namespace kvplan

// Rows of any format as a Mooncake trace, line by line.
//
// Rows that follow one another, by their think times or else their parents, are
// one session of the output; a branch (a sub-agent, an edited chat) begins a
// session of its own at its recorded time. What the format cannot hold is said.
#pragma once

#include <ostream>
#include <vector>

#include "traces/rows.hpp"
#include "traces/workload.hpp"

namespace kvplan {

// Returns what was lost, by kind and number of rows. The hash ids are the rows' own numbers.
std::vector<WorkloadNote> write_mooncake(const TraceRows& rows, std::ostream& out);

}  // namespace kvplan

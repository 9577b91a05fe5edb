// Rows to Workload: order, arrivals, dense block ids, parents, output blocks.
//
// Parents. Where the trace records sessions, a turn continues the one before it
// in its session. Elsewhere the parent is inferred: the earlier turn with the
// longest prompt whose full blocks, at least two, all begin this prompt; among
// equals the latest. Sessions are the trees of that forest.
//
// Output blocks. The first follow-up that shares all full blocks of a turn's
// prompt shows what the turn's answer left: its blocks from position
// prompt / B up to (prompt + output) / B, as far as they are full.
#pragma once

#include "traces/load_options.hpp"
#include "traces/rows.hpp"
#include "traces/workload.hpp"

namespace kvplan {

// Throws InputError with every finding: ids that are no prefix hashes, sessions
// that run backwards, times beyond the clock, and, if strict, whatever is noted as repaired.
Workload compile_workload(const TraceRows& rows, const LoadOptions& options);

}  // namespace kvplan

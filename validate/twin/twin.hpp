// The twin: a naive simulator of the rules that docs/engine.md writes down, to hold against the engine in sim/. One
// event a step, one entry a block, whatever is asked for is counted anew: slow, and meant to be seen to be right.
// It shares the shapes of inputs and results with sim/, and none of its code.
//
// It fills in every request's record and, of the result's counters, those that twin_test.cpp compares.
#pragma once

#include <string>

#include "sim/config.hpp"
#include "sim/result.hpp"

namespace kvplan {

SimulationResult simulate_naively(const Workload&, const SimulationConfig&);

}  // namespace kvplan

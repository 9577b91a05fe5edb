// What a result was given: the options of its scenario, and those of them that make its load. Results are set side by
// side by what differs here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "reports/result_document.hpp"

namespace kvplan {

using RunOptions = std::map<std::string, std::string>;  // by name, "trace.rate_scale", as text

// None of what did not fit, whose document is null.
RunOptions options_of(const Json& result);

// All that tells a result from others: its options, with the digest of the trace (as "trace") in place of its path.
RunOptions options_and_trace_of(const Json& result);

// Of those the trace, every option trace.* that is not idle, and the seed where something of the load was drawn with
// it: two runs whose options here are equal have one load. When requests arrive is no part of it: that differs between
// fleets in a closed loop.
RunOptions load_of(const Json& result);

// Names of the options that not all of them have, or not with one value.
std::vector<std::string> differing(const std::vector<const RunOptions*>&);

}  // namespace kvplan

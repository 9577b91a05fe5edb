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

// The digest of the trace (as "trace"), the seed, and every option trace.* but the path: two runs whose options here
// are equal have one load. When requests arrive is no part of it: that differs between fleets in a closed loop.
RunOptions load_of(const Json& result);

// Names of the options that not all of them have, or not with one value.
std::vector<std::string> differing(const std::vector<const RunOptions*>&);

}  // namespace kvplan

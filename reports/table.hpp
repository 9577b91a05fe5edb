// The result as people read it: verdict first, then one column a combination,
// with ratios to the first. Latencies of a run that is not stable are marked:
// they grow with the length of the trace.
#pragma once

#include <string>
#include <vector>

#include "reports/cells.hpp"

namespace kvplan {

inline constexpr const char* kNotSteady =
    "* of a run that is not stable: latencies grow with the length of the trace and are no steady-state values";

std::string text_table(const std::vector<Column>&, bool colour);
std::string markdown_table(const std::vector<Column>&);

}  // namespace kvplan

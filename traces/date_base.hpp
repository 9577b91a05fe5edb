// Turns absolute instants into times since the first one.
#pragma once

#include "traces/rows.hpp"

namespace kvplan {

// ns[i] belongs to rows[i]. Finds instants that lie more than 106 days behind the first.
void count_from_first(const std::vector<std::int64_t>& ns, TraceRows& rows, TraceFindings& findings);

}  // namespace kvplan

// What `kvplan explain` says of the lives of requests.
//
// Instants are rounded down to whole nanoseconds from arrival, so that spans still meet, and the parts ahead of the
// first token add up to its TTFT exactly.
#pragma once

#include "reports/lives.hpp"
#include "reports/result_document.hpp"

namespace kvplan {

// kvplan.explain/1: requests by the order of `lives`, with spans in integers of nanoseconds. `load_choice`: the
// result's block, of the whole run, or null.
Json explain_document(const std::vector<Life>& lives, bool from_events, Json load_choice);

std::string explain_text(const Json& document);

}  // namespace kvplan

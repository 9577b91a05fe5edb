// What `kvplan trace stat` finds, as a page with pictures.
#pragma once

#include "reports/page.hpp"
#include "traces/reuse.hpp"
#include "traces/statistics.hpp"

namespace kvplan {

// `reuse` has the parts that the series over time are drawn from.
Page trace_page(const Workload&, const TraceStatistics&, const Reuse& reuse);

}  // namespace kvplan

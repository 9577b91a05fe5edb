// Two runs of one load, request by request: by how much a latency differs, and whether that is more than chance.
#pragma once

#include <string>
#include <vector>

#include "reports/result_document.hpp"

namespace kvplan {

// Rows of mean, p50 and p95: {figure, a, b, difference, low, high, significant, pairs}. Values by request; NaN where a
// request has none. Intervals come from batches of consecutive requests; null where there are too few.
Json paired_figures(const std::string& name, const std::vector<double>& a, const std::vector<double>& b, double level);

}  // namespace kvplan

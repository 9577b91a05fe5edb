// Blocks of result.json that charts are drawn from, bounded in size whatever the
// length of the run:
//   series        the fleet over time (sim/series.hpp), and what requests of each interval saw
//   distribution  quantile functions of the latencies, and the parts of TTFT by band of TTFT
//   break_even    a prefix loaded alone from each tier against the same prefix computed alone
// Figures of charts have five significant digits.
#pragma once

#include "reports/result_document.hpp"
#include "reports/totals.hpp"
#include "sim/series.hpp"

namespace kvplan {

Json series_block(const RunFacts&, const std::vector<Sample>& series);
Json distribution_block(const RunFacts&);
Json break_even_block(const RunFacts&);  // null without offload

// Adds the three blocks to the document of a run.
void add_curves(Json& document, const RunFacts&, const std::vector<Sample>& series);

// The nearest double with five significant digits.
double five_digits(double x);

}  // namespace kvplan

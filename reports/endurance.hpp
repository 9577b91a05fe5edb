// How long the drives last at a run's rate of writing.
#pragma once

#include "reports/result_document.hpp"

namespace kvplan {

// {rated_write_bytes, worn_per_day, years_left} of all drives that the fleet pays for; null without an SSD tier or a
// rating, years_left null when nothing is written. `written_bytes_per_day`: of the whole fleet.
Json ssd_endurance(const RunFacts&, double written_bytes_per_day);

}  // namespace kvplan

// The interval of a run: the same load on the central step times and on both ends of their 90 % interval.
#pragma once

#include <string>
#include <vector>

#include "cli/text_grid.hpp"
#include "reports/cells.hpp"
#include "reports/result_document.hpp"

namespace kvplan {

// "interval" of a result: of each figure the least and the most of three runs. Not an interval of load or of seeds.
Json interval_of(const Json& central, const Json& low, const Json& high);

// The documents' intervals; nothing when none has one.
std::vector<TitledRows> interval_rows(const std::vector<Column>& columns);

}  // namespace kvplan

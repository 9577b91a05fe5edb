// The interval of a run: the same load on the central step times and on both ends of their 90 % interval.
#pragma once

#include <string>
#include <vector>

#include "reports/cells.hpp"
#include "reports/result_document.hpp"

namespace kvplan {

// "interval" of a result: of each figure the least and the most of three runs. Not an interval of load or of seeds.
Json interval_of(const Json& central, const Json& low, const Json& high);

// The documents' intervals as text; "" when none has one.
std::string interval_text(const std::vector<Column>& columns);

}  // namespace kvplan

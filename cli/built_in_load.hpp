// Results of older versions told in the options of this one: what a version did not have yet, it did as is built in.
#pragma once

#include "reports/result_document.hpp"

namespace kvplan {

// The result, with the options trace.* that its scenario lacks at their built-in values.
Json with_built_in_load(Json result);

}  // namespace kvplan

// Where a result comes from: everything that one needs to get it again, and what its coefficients rest on.
#pragma once

#include "cli/build_config.hpp"
#include "reports/result_document.hpp"

namespace kvplan {

Json provenance(const Scenario&, const Workload&, const Hardware&, const Architecture&, const Built&);

}  // namespace kvplan

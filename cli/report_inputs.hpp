#pragma once

#include <string>
#include <vector>

#include "reports/page.hpp"

namespace kvplan {

// What paths on the command line hold: files of schema kvplan.result, comparison, plan or sweep-result, folders that
// `run --out` or `sweep --out` wrote, or folders of such folders. All errors at once as an InputError.
ReportInputs read_report_inputs(const std::vector<std::string>& paths);

}  // namespace kvplan

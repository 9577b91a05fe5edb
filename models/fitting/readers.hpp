// The two kinds of input of read_operator_tables (table.hpp).
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "models/fitting/table.hpp"

namespace kvplan {

// InputError for a run that cannot be used (gpu_run_checks.hpp), of another card than one before it, or that
// contradicts itself.
void add_gpu_run(GpuRun run, const std::string& file, const RunUse& use, OperatorTables& into);
void read_operator_csv(const std::string& path, const std::string& text, OperatorTables& into,
                       std::vector<Diagnostic>& findings);

}  // namespace kvplan

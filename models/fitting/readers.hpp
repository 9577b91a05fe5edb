// The two kinds of input of read_operator_tables (table.hpp).
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "models/fitting/table.hpp"

namespace kvplan {

// InputError for a synthetic run, unless that is allowed.
void add_gpu_run(GpuRun run, const std::string& file, bool allow_synthetic, OperatorTables& into);
void read_operator_csv(const std::string& path, const std::string& text, OperatorTables& into,
                       std::vector<Diagnostic>& findings);

}  // namespace kvplan

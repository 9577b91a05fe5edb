// The two kinds of input of read_operator_tables (table.hpp).
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/json_file.hpp"
#include "models/fitting/table.hpp"

namespace kvplan {

void read_gpu_run(const JsonFile& file, OperatorTables& into);
void read_operator_csv(const std::string& path, const std::string& text, OperatorTables& into,
                       std::vector<Diagnostic>& findings);

}  // namespace kvplan

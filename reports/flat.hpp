// Forms for scripts: CSV with one line a combination, and several results as one
// JSON document, schema kvplan.comparison/1.
#pragma once

#include <string>
#include <vector>

#include "reports/cells.hpp"

namespace kvplan {

inline constexpr const char* kComparisonSchema = "kvplan.comparison/1";

// Columns are the scalars of result.json outside provenance and simulation, named
// by their place ("latency.ttft_s.p50"); null is an empty field. Arrays have no place here.
std::string csv_table(const std::vector<Column>&);

// {schema, base, combinations: [{name, result | null, infeasible, ratios{pointer: to the base}}]}
Json comparison_document(const std::vector<Column>&);

}  // namespace kvplan

// Forms for scripts: CSV with one line a combination, and several results as one
// JSON document, schema kvplan.comparison/1.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "reports/cells.hpp"

namespace kvplan {

inline constexpr const char* kComparisonSchema = "kvplan.comparison/1";

// The scalars of result.json outside provenance, simulation and targets, named by
// their place ("latency.ttft_s.p50"). Arrays have no place here.
using Scalars = std::vector<std::pair<std::string, Json>>;
Scalars scalars_of(const Json& document);

// A scalar as a field of CSV, quoted where it must be; null is empty.
std::string csv_field(const Json& scalar);

// A line a combination: its name, why it is infeasible, its scalars.
std::string csv_table(const std::vector<Column>&);

// Of each kvplan.plan document a line for the fleet that it recommends, or that comes closest, and one for each
// runner-up.
std::string csv_of_plans(const std::vector<Json>&);

// {schema, base, combinations: [{name, result | null, infeasible, ratios{pointer: to the base}}]}
Json comparison_document(const std::vector<Column>&);

}  // namespace kvplan

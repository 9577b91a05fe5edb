// Plans side by side: one question asked in several ways.
#pragma once

#include <string>
#include <vector>

#include "cli/plan_solver.hpp"

namespace kvplan {

// "slo.ttft_s.p95=0.5,1,2", or a JSON pointer where keys have dots: "/base/trace/users=60,120".
struct Varied {
  std::string pointer;
  std::vector<nlohmann::json> values;
};
Varied parse_vary(const std::string& text);  // UsageError

// A row a variant: {variant: {pointer: value}, plan: name | null, replicas, gpus, usd_per_hour, value, why_not}. One at
// a time against the request as it stands (the first row), or every combination.
Json vary_plans(const std::string& request, const std::vector<Varied>&, bool grid, int threads, std::ostream& err);
std::string vary_text(const Json& rows);

}  // namespace kvplan

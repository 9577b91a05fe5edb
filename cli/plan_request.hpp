// What is asked of `kvplan plan` (docs/planning.md):
//
//   { "base": SCENARIO or its path,          the load, the model, and whatever is not searched
//     "search": {"grid": {PATH: [v, ...]}},  designs as of sweeps; replicas are searched always
//     "most_replicas": 256,
//     "objective": "usd_per_hour", "slo": {...}, "limits": {"usd_per_hour": 100, "gpus": 64},
//     "growth": 1, "spare_nodes": 1,
//     "cost": {"tenure": "rented", "prices": NAME, "override": {...}},
//     "confidence": {"level": 0.9, "relative": 0.1, "replications": 3} }
#pragma once

#include <optional>
#include <string>

#include "cli/scenario.hpp"
#include "plan/cost.hpp"
#include "plan/design.hpp"
#include "plan/slo.hpp"

namespace kvplan {

enum class Objective {
  usd_per_hour,
  usd_per_million_output_tokens,
  usd_per_user_month,
  gpus,
  joules_per_output_token,
  ttft,
  tpot,
  e2e
};
const char* name_of(Objective);
const char* unit_of(Objective);
inline bool is_latency(Objective o) { return o >= Objective::ttft; }

struct PlanRequest {
  std::string file;
  Scenario base;  // growth is in it
  std::optional<Design> design;
  std::int64_t most_replicas = 256;
  Objective objective = Objective::usd_per_hour;
  Slo slo;
  std::optional<double> most_usd_per_hour;
  std::optional<std::int64_t> most_gpus;
  double growth = 1;
  std::int64_t spare_nodes = 1;
  Tenure tenure = Tenure::rented;
  Prices prices;
  double level = 0.9;
  std::optional<double> relative;  // half width of an interval over its value
  std::int64_t replications = 3;
  std::int64_t regret_draws = 16;

  std::int64_t points() const { return design ? design->size() : 1; }
  Json values(std::int64_t point) const { return design ? design->values(point) : Json::object(); }
  Scenario scenario(const Json& values) const;
};

// InputError with every finding.
PlanRequest read_plan_request(const std::string& path);
PlanRequest read_plan_request(const JsonFile&);

}  // namespace kvplan

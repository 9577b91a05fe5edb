// The answer of `kvplan plan` as a document, schema kvplan.plan/1 (docs/planning.md), and as text. No figure is
// printed that the document does not hold.
#pragma once

#include "cli/plan_solver.hpp"

namespace kvplan {

inline constexpr const char* kPlanSchema = "kvplan.plan/1";

// A fleet as the document tells it: configuration, cost, SLO with intervals at full strength and with its spare nodes
// lost, scenario and serving flags. Simulates both thoroughly.
Json plan_json(PlanSolver&, const Found&);

// {schema, feasible, sentence, recommended | null, closest | null, best_by_hardware, hardware_without_fleet,
// runners_up,
//  pareto, shadow_prices, sensitivity, break_even, regret, search, notes, provenance}
Json plan_document(PlanSolver&, const std::optional<Found>& best);

std::string plan_text(const Json& document);

// The questions around the decision (cli/plan_sensitivity.cpp).
Json shadow_prices(PlanSolver&, const Found& best);
Json sensitivity(PlanSolver&, const Found& best);
Json break_even_prices(PlanSolver&);
Json regret(PlanSolver&, const Found& best);

}  // namespace kvplan

// The parts of the exposition that tell what the tiers below HBM gave and took.
#pragma once

#include "reports/exposition.hpp"
#include "reports/kept_run.hpp"

namespace kvplan {

// From the hits of requests, counted at their first token: KVBM's and LMCache's lookups.
void hit_metrics(Exposition&, const std::vector<KeptRequest>&, const Instants&, const Labels& model);

// From the log of events: what transfers moved, and what DRAM evicted.
void moved_metrics(Exposition&, const std::string& folder, const Instants&, const Labels& model);

}  // namespace kvplan

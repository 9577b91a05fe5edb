// result.json, schema kvplan.result/1: what a run found, units in the keys, null
// where there is no sample. Everything that depends on the wall clock stands in
// `simulation`; without that block two runs of one scenario agree byte for byte.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "hardware/hardware.hpp"
#include "sim/config.hpp"
#include "sim/result.hpp"
#include "traces/workload.hpp"

namespace kvplan {

using Json = nlohmann::ordered_json;  // keys stay in the order in which they are written

inline constexpr const char* kResultSchema = "kvplan.result/1";

// A target holds when the quantile of its metric does not exceed it; a refused request counts as one that took for
// ever.
struct Targets {
  std::optional<double> ttft_s, tpot_s;
  double quantile = 0.95;  // in (0, 1]
};

struct RunFacts {
  const Workload& workload;
  const SimulationConfig& config;
  const SimulationResult& result;
  const Hardware& hardware;
  Targets targets;
  double wall_s = 0;
  double start_cpu_s = 0;  // processor time of the process when the first event began
  std::vector<std::string> notes;  // what the reader must know: hypothetical sizes, assumptions
  Json provenance;                 // of the inputs; written as it stands
  std::vector<const Hardware*> others = {};  // of a mixed fleet's further kinds
};

Json result_document(const RunFacts&);

// False when a target of the document was missed.
bool targets_met(const Json& document);

}  // namespace kvplan

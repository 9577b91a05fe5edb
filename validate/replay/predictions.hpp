// kvplan.predictions/2: what the simulator says of a plan before it is run: the
// figures of each policy under the calibration and under simpler models, and the
// step times themselves, so that a later comparison needs nothing else.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "sim/config.hpp"
#include "validate/replay/figures.hpp"
#include "validate/replay/plan.hpp"

namespace kvplan {

// Models that a plan is predicted with: the calibration, and what it has to be better than.
enum class Variant { calibrated, no_interference, per_copy_only, nominal_link, constant_32_gb_s };
inline constexpr std::array<std::pair<Variant, std::string_view>, 5> kVariants{{
    {Variant::calibrated, "calibrated"},
    {Variant::no_interference, "no interference"},    // copies do not slow steps
    {Variant::per_copy_only, "per copy only"},        // a fixed cost and a rate each way; no sharing, no interference
    {Variant::nominal_link, "nominal bandwidth"},     // the link's data sheet, free copies
    {Variant::constant_32_gb_s, "constant 32 GB/s"},  // as some simulators have it; free copies
}};

// A calibrated configuration as the variant would have it. nominal: the data sheet's configuration of the same node.
// Simpler models keep the calibrated file tier, alone, but the nominal one, which has the data sheet's.
SimulationConfig as_variant(const SimulationConfig& calibrated, const SimulationConfig& nominal, Variant variant);

struct PolicyPrediction {
  std::string policy;
  std::map<std::string, RunFigures> figures;  // by variant
  // Calibrated, each route alone; no routes where KV stays in the GPU. What a transfer takes is the setup_time() of its
  // segments (in files: blocks), and its bytes at the rate.
  NodeLinks links;
};

struct Predictions {
  std::string plan_sha256, calibration, hardware;
  std::string gpu_uuid;               // that the calibration was measured on; empty: not told
  std::int64_t step_overhead_ps = 0;  // that a training replay showed beyond the calibrated step
  StepTimes step_times;               // calibrated, the overhead included
  std::vector<PolicyPrediction> policies;
};

// Each policy under each variant; configs by policy, in the plan's order.
std::vector<PolicyPrediction> predict(const ReplayPlan& plan, const std::vector<SimulationConfig>& calibrated,
                                      const std::vector<SimulationConfig>& nominal);

std::string to_json_text(const Predictions&);
// Throws std::runtime_error that names the file and what is wrong.
Predictions parse_predictions(const std::string& text, const std::string& name);

}  // namespace kvplan

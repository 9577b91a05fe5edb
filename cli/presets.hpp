// offload.preset: what real offloading systems set, as a layer between the
// built-in values and everything that a user sets. docs/tiers.md gives sources.
#pragma once

#include <string>
#include <vector>

#include "cli/scenario.hpp"

namespace kvplan {

std::vector<std::string> preset_names();

// Sets what the scenario's preset says, where nothing else has; does nothing without a preset.
void apply_preset(Scenario&);

}  // namespace kvplan

// Options that a scenario changes and that nothing reads, for another option would have to be set as well: who sets them
// expects an effect, and is told that there is none.
#pragma once

#include <string>
#include <vector>

#include "cli/scenario.hpp"

namespace kvplan {

// Notes on those of the load, and of all others; of several values of offload.mode, one that reads an option is enough.
std::vector<std::string> idle_load_options(const Scenario&);
std::vector<std::string> idle_fleet_options(const Scenario&);

}  // namespace kvplan

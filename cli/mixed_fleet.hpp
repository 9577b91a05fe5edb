// Fleets of several kinds of replicas: fleet.also.
#pragma once

#include "cli/build_config.hpp"

namespace kvplan {

// To what has been built for the first kind. Errors as of build_config().
void add_other_kinds(Built&, const Scenario&, const std::string& offload, const Hardware& first, const Architecture&);

// For what knows plain fleets alone: InputError where the scenario has a mixed one. `why` is a whole sentence.
void refuse_mixed_fleet(const Scenario&, const std::string& why, const std::string& help);

}  // namespace kvplan

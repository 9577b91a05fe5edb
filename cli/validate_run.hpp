// kvplan validate run: the independent checker of a run's log.
#pragma once

#include "cli/verb.hpp"

namespace kvplan {

ExitCode validate_run(const std::vector<std::string>& arguments, Streams streams);

}  // namespace kvplan

#pragma once

#include "cli/verb.hpp"

namespace kvplan {

// kvplan validate replay plan|predict|compare: the arguments after "replay".
ExitCode validate_replay(const std::vector<std::string>& arguments, Streams streams);

}  // namespace kvplan

#pragma once

#include "cli/verb.hpp"

namespace kvplan {

// kvplan validate server FILE.csv: the arguments after "server".
ExitCode validate_server(const std::vector<std::string>& arguments, Streams streams);

}  // namespace kvplan

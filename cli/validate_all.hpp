#pragma once

#include <string>
#include <vector>

#include "cli/verb.hpp"

namespace kvplan {

// kvplan validate all: every comparison with something published or measured; writes and checks docs/accuracy.md.
ExitCode validate_all(const std::vector<std::string>& arguments, Streams streams);

}  // namespace kvplan

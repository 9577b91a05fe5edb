// What tells this build of the program from every other: the linker's digest of it.
#pragma once

#include <string>

namespace kvplan {

// Lower-case hexadecimal; "" where the linker left none.
std::string build_id();

}  // namespace kvplan

#pragma once

#include <string>
#include <string_view>

namespace kvplan {

// Writes a file whole or not at all: into a temporary beside it, flushed, then
// renamed. Makes the folders above it. Throws Error (bad input) with the reason.
void write_file(const std::string& path, std::string_view text);

}  // namespace kvplan

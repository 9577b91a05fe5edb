#pragma once

#include <string>
#include <string_view>

namespace kvplan {

// Whether a file has to outlast a loss of power. Waiting for the disk takes milliseconds.
enum class Flush { disk, none };

// Writes a file whole or not at all: into a temporary beside it, flushed, then
// renamed. Makes the folders above it. Throws Error (bad input) with the reason.
// A symbolic link stays, and what it names is written; so are devices and pipes, as they stand.
// Flush::none is for files whose reader tells a damaged one from a whole one:
// only a loss of power can damage them, not a process that is killed.
void write_file(const std::string& path, std::string_view text, Flush flush = Flush::disk);

}  // namespace kvplan

// A path for temporary files that no other test process uses: ctest runs several at once.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

namespace kvplan::testing {

inline std::filesystem::path own_path(const std::string& name) {
  return std::filesystem::temp_directory_path() / (std::to_string(getpid()) + "-" + name);
}

}  // namespace kvplan::testing

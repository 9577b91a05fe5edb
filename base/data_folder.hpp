// Where real traces and measurements are found: they are not part of the project.
#pragma once

#include <cstdlib>
#include <string>

namespace kvplan {

// A file of $KVPLAN_DATA, or of ../shared without it; it need not exist.
inline std::string data_path(const std::string& name) {
  const char* const set = std::getenv("KVPLAN_DATA");
  return std::string(set != nullptr && *set != '\0' ? set : "../shared") + "/" + name;
}

}  // namespace kvplan

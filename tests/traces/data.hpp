// Real traces are not part of the project: they are found through KVPLAN_DATA.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/catch.hpp"

namespace kvplan::test {

inline bool set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

// The path of a real trace; "" where it is not at hand: the caller returns. In CI that is a failure.
inline std::string real_trace(const std::string& name) {
  const std::string root = set("KVPLAN_DATA") ? std::getenv("KVPLAN_DATA") : KVPLAN_SOURCE_DIR "/../shared";
  const std::string path = root + "/traces/" + name;
  if (std::filesystem::exists(path)) return path;
  if (set("CI")) FAIL(path << " is missing: in CI every test must run");
  WARN("skipped: " << path << " is not at hand; docs/formats.md says where it comes from");
  return "";
}

}  // namespace kvplan::test

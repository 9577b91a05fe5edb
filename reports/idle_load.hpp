// Options of a load that nothing reads, for another one would have to be set as well.
#pragma once

#include <string>
#include <vector>

namespace kvplan {

struct IdleOptions {
  bool idle;
  std::vector<std::string> paths;  // "scaling.": all that begin so
  const char* why;
};

// With these trace.arrivals and trace.profile, and trace.users or without.
std::vector<IdleOptions> idle_in_load(const std::string& arrivals, const std::string& profile, bool users);

}  // namespace kvplan

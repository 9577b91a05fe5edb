// How far synthesised loads are from real ones, for people.
#pragma once

#include <string>
#include <vector>

#include "traces/session_model.hpp"

namespace kvplan {

std::string distance_table(const Distances&, const char* what);

// Comparisons of one kind, one for each way to halve the trace.
struct Compared {
  const char* what;
  std::vector<Distances> splits;
};

// Typical and worst absolute errors of each kind.
std::string spread_table(const std::vector<Compared>& all);

}  // namespace kvplan

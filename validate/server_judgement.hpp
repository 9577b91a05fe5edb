// What a server study proves: errors over the rows that no fit has seen and that
// the server's front end does not bound ("judged"), by server and degree of tensor
// parallelism, beside the targets that the file's description sets.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "validate/server_study.hpp"

namespace kvplan {

inline constexpr std::pair<ServerLatency, const char*> kLatencies[] = {
    {ServerLatency::ttft, "ttft"}, {ServerLatency::tpot, "tpot"}, {ServerLatency::e2e, "e2e"}};

bool judged(const ServerComparison&);

struct ServerGroup {
  std::string name;
  std::function<bool(const ServerComparison&)> of;
};

// Of each server: the judged rows, those by tensor parallelism, the fitted and the front-end bound; then all judged.
std::vector<ServerGroup> server_groups(const ServerStudy&);

// Median absolute errors over a server's judged rows; none where the description sets no limit.
struct ServerTarget {
  std::string server, quantity;
  double limit, reached;
  bool met() const { return reached <= limit; }
};
std::vector<ServerTarget> server_targets(const ServerStudy&);

// The judged rows farthest off, an error of TTFT counting a third of one of TPOT.
std::vector<ServerComparison> worst_judged(const ServerStudy&, std::size_t count);

}  // namespace kvplan

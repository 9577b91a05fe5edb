// The cheapest point of a space that is too large to simulate: branch and bound
// over arms (everything but the number of replicas), bisection over replicas.
//
// What may cut without simulating
//   proven   numbers of replicas outside range(arm), which rests on plan/bounds.hpp and on the limits of a request; a
//            floor(arm, n) on the value, which never exceeds it and does not fall with n: a point whose floor reaches
//            the best value found loses.
//   assumed  more replicas or more memory never make a feasible point infeasible.
//
// The order of work is fixed and rounds have fixed sizes, so that the points which are judged, and the answer, do
// not depend on the number of threads.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace kvplan {

struct Judged {
  bool feasible = false;
  double value = 0;  // of the objective; what is feasible and smallest wins. Infinite: not to be had for all that
};

struct ReplicaRange {
  std::int64_t least = 1, most = 1;
};

struct SearchSpace {
  std::size_t arms = 0;
  std::function<std::size_t(std::size_t arm)> group_of;               // arms of a group differ in memory alone
  std::function<bool(std::size_t a, std::size_t b)> covers;           // of one group: a has at least the memory of b
  std::function<std::optional<ReplicaRange>(std::size_t arm)> range;  // nothing: no number will do
  std::function<double(std::size_t arm, std::int64_t replicas)> floor;
  std::function<Judged(std::size_t arm, std::int64_t replicas)> judge;  // dear; called on any thread, in range
};

struct SearchPoint {
  std::size_t arm = 0;
  std::int64_t replicas = 0;
  bool feasible = false;
  double value = 0;
  bool will_do() const { return feasible && std::isfinite(value); }
};

struct SearchResult {
  std::optional<SearchPoint> best;
  std::vector<SearchPoint> judged;  // each once, in the order of work
  std::int64_t ruled_out = 0;       // arms without a range
  std::int64_t too_dear = 0;        // arms that the floor on the value cut
  std::int64_t inferred = 0;        // arms that a judged point with more memory and replicas cut
};

SearchResult search(const SearchSpace&, int threads);

}  // namespace kvplan

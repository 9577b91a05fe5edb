// The twin's routers, from the words of docs/fleet.md. Who is chosen depends on what replicas hold at the moment.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/random.hpp"
#include "validate/twin/replica.hpp"

namespace kvplan::twin {

class Routing {
 public:
  // A policy that it does not know is an assertion: knows() tells.
  Routing(const Workload& load, const RouterConfig& config, std::size_t replicas);
  static bool knows(const RouterConfig&);

  std::uint32_t choose(TurnId turn, const std::vector<std::unique_ptr<Replica>>& replicas, Time at);

 private:
  std::uint32_t fewest(const std::vector<std::unique_ptr<Replica>>& replicas) const;
  std::uint32_t weighted(TurnId turn, const std::vector<std::unique_ptr<Replica>>& replicas);
  std::uint32_t prefix(TurnId turn, const std::vector<std::unique_ptr<Replica>>& replicas) const;
  std::uint32_t soonest(TurnId turn, const std::vector<std::unique_ptr<Replica>>& replicas, Time at);
  std::uint32_t of_two(const std::vector<std::unique_ptr<Replica>>& replicas);

  const Workload& load_;
  const RouterConfig& config_;
  std::uint32_t round_ = 0;
  std::vector<std::uint32_t> cold_;  // replicas by their last prompt that nobody knew, oldest first
  std::map<std::uint32_t, std::uint32_t> homes_;
  std::map<TurnId, std::int64_t> expected_;  // prompt tokens that a turn was thought to compute when it was sent
  RandomStream draws_;
};

}  // namespace kvplan::twin

// Chooses the replica for a turn at the moment when it leaves the front end.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/config.hpp"
#include "sim/replica.hpp"

namespace kvplan {

class Router {
 public:
  virtual ~Router() = default;
  // Contract: settles every replica whose state it reads, and changes nothing else.
  virtual std::uint32_t choose(TurnId turn, std::vector<std::unique_ptr<Replica>>& replicas, Time at) = 0;
};

std::unique_ptr<Router> make_router(const RouterConfig& config, const Workload& workload, std::int32_t replicas);

// The policies, one a file.
std::unique_ptr<Router> make_round_robin_router(const RouterConfig& config, const Workload& workload, std::int32_t replicas);
std::unique_ptr<Router> make_weighted_router(const RouterConfig& config, const Workload& workload, std::int32_t replicas);

}  // namespace kvplan

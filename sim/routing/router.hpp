// Chooses the replica for a turn at the moment when it leaves the front end, or when the replica that had it is lost.
// One policy is one file; table.cpp lists them.
//
// Contract
// - A router settles every replica whose state it reads, and changes nothing else: what it chooses is the same whether
//   steps are jumped or taken one by one.
// - It chooses among the replicas that take requests, of which there is at least one. They come and go; a replica keeps
//   its number.
// - A router that looks at the fleet at instants of its own tells the next one in next_look(), and is called back then,
//   behind ends of transfers and ahead of arrivals.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/config.hpp"
#include "sim/replica.hpp"

namespace kvplan {

struct OpenReplicas {
  const std::vector<std::unique_ptr<Replica>>& all;  // by number
  const std::vector<std::uint32_t>& open;            // numbers, ascending

  Replica& operator[](std::uint32_t replica) const { return *all[replica]; }
  bool has(std::uint32_t replica) const;
};

class Router {
 public:
  virtual ~Router() = default;
  virtual std::uint32_t choose(TurnId turn, const OpenReplicas& replicas, Time at) = 0;

  virtual Time next_look() const { return Time::max(); }
  virtual void look(const OpenReplicas&, Time /*at*/) {}
  virtual void lost(std::uint32_t /*replica*/) {}  // it is gone with all that it held
};

struct RouterSetup {
  const RouterConfig& config;
  const Workload& workload;
  const PrefixChains& chains;
  std::uint32_t replicas;
  const char* draws = "router";  // the stream of what it draws, apart from those of other routers of the run
};

struct RouterEntry {
  RouterPolicy policy;
  const char* name;  // on the command line
  std::unique_ptr<Router> (*make)(const RouterSetup&);
};

const std::vector<RouterEntry>& router_table();
std::unique_ptr<Router> make_router(const RouterSetup&);

// Requests that a replica has, after settling it.
inline std::int64_t load_of(const Replica& r) { return r.queued() + r.running(); }
// The one with the fewest requests, ties to the lowest number; settles all.
std::uint32_t least_loaded(const OpenReplicas&, Time at);

std::unique_ptr<Router> make_round_robin_router(const RouterSetup&);
std::unique_ptr<Router> make_weighted_router(const RouterSetup&);
std::unique_ptr<Router> make_random_router(const RouterSetup&);
std::unique_ptr<Router> make_power_of_two_router(const RouterSetup&);
std::unique_ptr<Router> make_least_loaded_router(const RouterSetup&);
std::unique_ptr<Router> make_session_affinity_router(const RouterSetup&);
std::unique_ptr<Router> make_prefix_aware_router(const RouterSetup&);
std::unique_ptr<Router> make_cost_aware_router(const RouterSetup&);

}  // namespace kvplan

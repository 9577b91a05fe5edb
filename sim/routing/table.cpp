#include <algorithm>

#include "sim/routing/router.hpp"

namespace kvplan {

bool OpenReplicas::has(std::uint32_t replica) const { return std::binary_search(open.begin(), open.end(), replica); }

const std::vector<RouterEntry>& router_table() {
  static const std::vector<RouterEntry> table = {
      {RouterPolicy::round_robin, "round-robin", make_round_robin_router},
      {RouterPolicy::random, "random", make_random_router},
      {RouterPolicy::power_of_two, "power-of-two", make_power_of_two_router},
      {RouterPolicy::least_loaded, "least-loaded", make_least_loaded_router},
      {RouterPolicy::session_affinity, "session-affinity", make_session_affinity_router},
      {RouterPolicy::prefix_aware, "prefix-aware", make_prefix_aware_router},
      {RouterPolicy::cost_aware, "cost-aware", make_cost_aware_router},
      {RouterPolicy::weighted, "weighted", make_weighted_router},
  };
  return table;
}

std::unique_ptr<Router> make_router(const RouterSetup& setup) {
  const auto& table = router_table();
  const auto entry =
      std::find_if(table.begin(), table.end(), [&](const RouterEntry& e) { return e.policy == setup.config.policy; });
  KVPLAN_ASSERT(entry != table.end());
  return entry->make(setup);
}

}  // namespace kvplan

#include "sim/router.hpp"

namespace kvplan {

std::unique_ptr<Router> make_router(const RouterConfig& config, const Workload& workload, std::int32_t replicas) {
  switch (config.policy) {
    case RouterPolicy::round_robin: return make_round_robin_router(config, workload, replicas);
    case RouterPolicy::weighted: return make_weighted_router(config, workload, replicas);
  }
  KVPLAN_ASSERT(!"a policy without a router");
  return nullptr;
}

}  // namespace kvplan

#include "sim/router.hpp"

namespace kvplan {

std::uint32_t least_loaded(std::vector<std::unique_ptr<Replica>>& replicas, Time at) {
  std::uint32_t best = 0;
  std::int64_t least = Time::max().count;
  for (std::uint32_t i = 0; i < replicas.size(); ++i) {
    replicas[i]->settle(at);
    const std::int64_t load = replicas[i]->queued() + replicas[i]->running();
    if (load < least) best = i, least = load;
  }
  return best;
}

namespace {

class LeastLoadedRouter final : public Router {
 public:
  std::uint32_t choose(TurnId, std::vector<std::unique_ptr<Replica>>& replicas, Time at) override {
    return least_loaded(replicas, at);
  }
};

}  // namespace

std::unique_ptr<Router> make_least_loaded_router(const RouterConfig&, const Workload&, std::int32_t) {
  return std::make_unique<LeastLoadedRouter>();
}

}  // namespace kvplan

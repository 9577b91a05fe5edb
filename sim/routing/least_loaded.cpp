#include "sim/routing/router.hpp"

namespace kvplan {

std::uint32_t least_loaded(const OpenReplicas& replicas, Time at) {
  std::uint32_t best = replicas.open.front();
  std::int64_t least = Time::max().count;
  for (const std::uint32_t r : replicas.open) {
    replicas[r].settle(at);
    if (load_of(replicas[r]) < least) best = r, least = load_of(replicas[r]);
  }
  return best;
}

namespace {

class LeastLoadedRouter final : public Router {
 public:
  std::uint32_t choose(TurnId, const OpenReplicas& replicas, Time at) override { return least_loaded(replicas, at); }
};

}  // namespace

std::unique_ptr<Router> make_least_loaded_router(const RouterSetup&) { return std::make_unique<LeastLoadedRouter>(); }

}  // namespace kvplan

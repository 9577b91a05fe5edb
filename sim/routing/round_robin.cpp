#include "sim/routing/router.hpp"

namespace kvplan {
namespace {

class RoundRobinRouter final : public Router {
 public:
  std::uint32_t choose(TurnId, const OpenReplicas& replicas, Time) override {
    return replicas.open[next_++ % replicas.open.size()];
  }

 private:
  std::uint32_t next_ = 0;
};

}  // namespace

std::unique_ptr<Router> make_round_robin_router(const RouterSetup&) { return std::make_unique<RoundRobinRouter>(); }

}  // namespace kvplan

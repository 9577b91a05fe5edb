#include <algorithm>

#include "sim/routing/router.hpp"

namespace kvplan {
namespace {

class RoundRobinRouter final : public Router {
 public:
  std::uint32_t choose(TurnId, const OpenReplicas& replicas, Time) override {
    const auto next = std::lower_bound(replicas.open.begin(), replicas.open.end(), next_);
    const std::uint32_t chosen = next == replicas.open.end() ? replicas.open.front() : *next;
    next_ = chosen + 1;
    return chosen;
  }

 private:
  std::uint32_t next_ = 0;  // the number behind that of the last one
};

}  // namespace

std::unique_ptr<Router> make_round_robin_router(const RouterSetup&) { return std::make_unique<RoundRobinRouter>(); }

}  // namespace kvplan

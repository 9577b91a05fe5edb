#include "sim/router.hpp"

namespace kvplan {
namespace {

class RoundRobinRouter final : public Router {
 public:
  std::uint32_t choose(TurnId, std::vector<std::unique_ptr<Replica>>& replicas, Time) override {
    return next_++ % static_cast<std::uint32_t>(replicas.size());
  }

 private:
  std::uint32_t next_ = 0;
};

}  // namespace

std::unique_ptr<Router> make_round_robin_router(const RouterConfig&, const Workload&, std::int32_t) {
  return std::make_unique<RoundRobinRouter>();
}

}  // namespace kvplan

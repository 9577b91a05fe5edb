// Random: any replica, each as likely. Power of two: of two that are drawn, the one with fewer requests, ties to the
// one drawn first (Mitzenmacher 2001).
#include "base/random.hpp"

#include "sim/routing/router.hpp"

namespace kvplan {
namespace {

class RandomRouter final : public Router {
 public:
  RandomRouter(const RouterSetup& s, bool of_two) : draws_(s.config.seed, s.draws), of_two_(of_two) {}

  std::uint32_t choose(TurnId, const OpenReplicas& replicas, Time at) override {
    const std::size_t n = replicas.open.size();
    const std::size_t first = draws_.below(n);
    if (!of_two_ || n == 1) return replicas.open[first];
    const std::size_t second = (first + 1 + draws_.below(n - 1)) % n;
    const std::uint32_t a = replicas.open[first], b = replicas.open[second];
    replicas[a].settle(at);
    replicas[b].settle(at);
    return load_of(replicas[b]) < load_of(replicas[a]) ? b : a;
  }

 private:
  RandomStream draws_;
  bool of_two_;
};

}  // namespace

std::unique_ptr<Router> make_random_router(const RouterSetup& s) {
  return std::make_unique<RandomRouter>(s, false);
}

std::unique_ptr<Router> make_power_of_two_router(const RouterSetup& s) {
  return std::make_unique<RandomRouter>(s, true);
}

}  // namespace kvplan

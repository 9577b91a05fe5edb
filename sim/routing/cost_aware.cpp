// The replica where the first token is estimated to come out first, in time: what the prompts ahead there have still to
// compute, then the load of what the tiers below hold, then the rest of the own prompt, in steps beside the present
// decodes (Replica::estimated_first_token). What a prompt ahead that waits has to compute is taken as it was estimated
// when it came. Ties go to the fewest requests, then to the lowest number. Not in the estimate: waiting for memory or
// for a slot of a full batch.
#include "sim/routing/router.hpp"

namespace kvplan {
namespace {

class CostAwareRouter final : public Router {
 public:
  explicit CostAwareRouter(const Workload& workload) : to_compute_(workload.turns.size(), 0) {}

  std::uint32_t choose(TurnId turn, const OpenReplicas& replicas, Time at) override {
    std::uint32_t best = kNone;
    FirstTokenEstimate least;
    for (const std::uint32_t r : replicas.open) {
      replicas[r].settle(at);
      const FirstTokenEstimate e = replicas[r].estimated_first_token(turn, to_compute_, at);
      const bool better = best == kNone || e.time < least.time ||
                          (e.time == least.time && load_of(replicas[r]) < load_of(replicas[best]));
      if (better) best = r, least = e;
    }
    to_compute_[turn] = least.tokens;
    return best;
  }

 private:
  std::vector<std::int64_t> to_compute_;  // by turn: prompt tokens, as estimated when it was sent
};

}  // namespace

std::unique_ptr<Router> make_cost_aware_router(const RouterSetup& s) {
  return std::make_unique<CostAwareRouter>(s.workload);
}

}  // namespace kvplan

// Prefix-aware without asking the replicas what they hold: the router remembers to which replica it last sent each
// block, and sends a prompt after the deepest block that it remembers. It never learns of evictions: its view is stale.
// A replica with more than kMostAhead requests above the fewest is passed over for the one with the fewest.
#include "sim/router.hpp"

namespace kvplan {
namespace {

class ApproximatePrefixRouter final : public Router {
 public:
  explicit ApproximatePrefixRouter(const Workload& workload)
      : workload_(workload), sent_to_(workload.block_count(), kNone) {}

  std::uint32_t choose(TurnId turn, std::vector<std::unique_ptr<Replica>>& replicas, Time at) override {
    const auto blocks = workload_.blocks(workload_.turns[turn]);
    std::uint32_t chosen = kNone;
    for (const BlockId b : blocks) {
      if (sent_to_[b] == kNone) break;
      chosen = sent_to_[b];
    }
    const std::uint32_t idlest = least_loaded(replicas, at);
    const auto load = [&](std::uint32_t r) { return replicas[r]->queued() + replicas[r]->running(); };
    if (chosen == kNone || load(chosen) > load(idlest) + kMostAhead) chosen = idlest;
    for (const BlockId b : blocks) sent_to_[b] = chosen;
    for (const BlockId b : workload_.outputs(workload_.turns[turn])) sent_to_[b] = chosen;
    return chosen;
  }

 private:
  static constexpr std::int64_t kMostAhead = 8;
  const Workload& workload_;
  std::vector<std::uint32_t> sent_to_;  // by block
};

}  // namespace

std::unique_ptr<Router> make_approximate_prefix_router(const RouterConfig&, const Workload& workload, std::int32_t) {
  return std::make_unique<ApproximatePrefixRouter>(workload);
}

}  // namespace kvplan

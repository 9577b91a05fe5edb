// The cache-aware policy of SGLang's router. While the fleet is balanced, a prompt goes to the replica that holds most
// of it, if that is more than a share `cache_threshold`, ties to the fewest requests; otherwise, and while it is not,
// to the replica with the fewest requests. Balanced: the numbers of requests of any two replicas differ by at most
// `balance_requests`, or by at most a factor `balance_factor`. A router knows where it sent what is not answered yet,
// so that loads are exact; what replicas hold is as its view tells.
#include <algorithm>

#include "sim/routing/prefix_view.hpp"

namespace kvplan {
namespace {

class PrefixAwareRouter final : public Router {
 public:
  PrefixAwareRouter(const RouterSetup& s, std::unique_ptr<PrefixView> view)
      : config_(s.config), workload_(s.workload), view_(std::move(view)), blocks_(s.replicas) {}

  std::uint32_t choose(TurnId turn, const OpenReplicas& replicas, Time at) override {
    const std::uint32_t idlest = least_loaded(replicas, at);
    const std::uint32_t chosen = balanced(replicas, idlest) ? holder(turn, replicas, idlest, at) : idlest;
    view_->sent(turn, chosen, at);
    return chosen;
  }

  Time next_look() const override { return view_->next_look(); }
  void look(const OpenReplicas& replicas, Time at) override { view_->look(replicas, at); }
  void lost(std::uint32_t replica) override { view_->lost(replica); }

 private:
  bool balanced(const OpenReplicas& replicas, std::uint32_t idlest) const {
    std::int64_t most = 0;
    for (const std::uint32_t r : replicas.open) most = std::max(most, load_of(replicas[r]));
    const std::int64_t least = load_of(replicas[idlest]);
    return most - least <= config_.balance_requests ||
           static_cast<double>(most) <= config_.balance_factor * static_cast<double>(least);
  }

  std::uint32_t holder(TurnId turn, const OpenReplicas& replicas, std::uint32_t idlest, Time at) {
    view_->match(turn, replicas, at, blocks_);
    std::uint32_t best = replicas.open.front();
    for (const std::uint32_t r : replicas.open) {
      if (std::pair(-blocks_[r], load_of(replicas[r])) < std::pair(-blocks_[best], load_of(replicas[best]))) best = r;
    }
    const double all = std::max<double>(1, workload_.turns[turn].block_count);
    return static_cast<double>(blocks_[best]) > config_.cache_threshold * all ? best : idlest;
  }

  const RouterConfig& config_;
  const Workload& workload_;
  std::unique_ptr<PrefixView> view_;
  std::vector<std::int64_t> blocks_;  // by replica
};

std::unique_ptr<PrefixView> view_of(const RouterSetup& s) {
  switch (s.config.view) {
    case RouterView::exact:
      return make_exact_view();
    case RouterView::snapshot:
      return make_snapshot_view(s.chains, s.config.view_interval);
    case RouterView::routed:
      return make_routed_view(s.chains, s.config.view_ttl);
  }
  KVPLAN_ASSERT(!"a view that is none");
  return nullptr;
}

}  // namespace

std::unique_ptr<Router> make_prefix_aware_router(const RouterSetup& s) {
  return std::make_unique<PrefixAwareRouter>(s, view_of(s));
}

}  // namespace kvplan

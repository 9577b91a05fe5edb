// The scorers of the Kubernetes gateway's endpoint picker as llm-d configures it:
// each score lies in 0..1, the largest weighted sum wins, ties go to the lowest
// replica.
//
//   queue      1 for the shortest queue, 0 for the longest, linear between; 1 for all when equal
//   kv use     1 - share of G1 that is held (what can be evicted is not held)
//   G1 prefix  share of the prompt's blocks that G1 holds as a prefix
//   G2 prefix  share of the prompt's blocks that G1 and then G2 hold as a prefix
//   recency    for a prompt that no replica holds any of: 1 for the replica that got such a
//              prompt longest ago, 0 for the latest; 0.5 for all when some replica holds a part
#include <algorithm>
#include <numeric>

#include "sim/routing/router.hpp"

namespace kvplan {
namespace {

class WeightedRouter final : public Router {
 public:
  explicit WeightedRouter(const RouterSetup& s) : config_(s.config), workload_(s.workload), cold_age_rank_(s.replicas) {
    std::iota(cold_age_rank_.begin(), cold_age_rank_.end(), 0u);
  }

  std::uint32_t choose(TurnId turn, const OpenReplicas& replicas, Time at) override {
    seen_.clear();
    std::int64_t shortest = Time::max().count, longest = 0;
    bool cold = true;
    for (const std::uint32_t number : replicas.open) {
      Replica& r = replicas[number];
      r.settle(at);
      const std::int64_t g1 = r.g1_prefix_blocks(turn);
      seen_.push_back({number, r.queued(), r.kv_use(), g1, g1 + r.below_prefix_blocks(turn, g1)});
      shortest = std::min(shortest, r.queued());
      longest = std::max(longest, r.queued());
      cold = cold && seen_.back().g2 == 0;
    }
    const double blocks = std::max<double>(1, workload_.turns[turn].block_count);
    std::uint32_t best = 0;
    double best_score = -1;
    for (const Seen& s : seen_) {
      const double queue =
          longest == shortest ? 1.0 : static_cast<double>(longest - s.queue) / static_cast<double>(longest - shortest);
      const double score = config_.queue_weight * queue + config_.kv_use_weight * (1.0 - s.kv_use) +
                           config_.g1_prefix_weight * static_cast<double>(s.g1) / blocks +
                           config_.g2_prefix_weight * static_cast<double>(s.g2) / blocks +
                           config_.recency_weight * recency(s.replica, cold);
      if (score > best_score) best = s.replica, best_score = score;
    }
    if (cold) {
      cold_age_rank_.erase(std::find(cold_age_rank_.begin(), cold_age_rank_.end(), best));
      cold_age_rank_.push_back(best);
    }
    return best;
  }

 private:
  struct Seen {
    std::uint32_t replica;
    std::int64_t queue;
    double kv_use;
    std::int64_t g1, g2;  // prefix blocks in G1; in G1 and then G2
  };

  double recency(std::uint32_t replica, bool cold) const {
    if (!cold) return 0.5;
    if (cold_age_rank_.size() == 1) return 1.0;
    const auto rank = std::find(cold_age_rank_.begin(), cold_age_rank_.end(), replica) - cold_age_rank_.begin();
    return 1.0 - static_cast<double>(rank) / static_cast<double>(cold_age_rank_.size() - 1);
  }

  RouterConfig config_;
  const Workload& workload_;
  std::vector<std::uint32_t> cold_age_rank_;  // replicas by their last cold prompt, oldest first
  std::vector<Seen> seen_;
};

}  // namespace

std::unique_ptr<Router> make_weighted_router(const RouterSetup& s) { return std::make_unique<WeightedRouter>(s); }

}  // namespace kvplan

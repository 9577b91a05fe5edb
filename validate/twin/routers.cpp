#include "validate/twin/routers.hpp"

#include <algorithm>
#include <numeric>

namespace kvplan::twin {

using Replicas = std::vector<std::unique_ptr<Replica>>;

namespace {

std::int64_t requests(const Replica& r) { return r.queued() + r.running(); }

}  // namespace

Routing::Routing(const Workload& load, const RouterConfig& config, std::size_t replicas)
    : load_(load), config_(config), cold_(replicas), draws_(config.seed, "router") {
  std::iota(cold_.begin(), cold_.end(), 0u);
}

bool Routing::knows(const RouterConfig& c) {
  return c.policy != RouterPolicy::prefix_aware || c.view == RouterView::exact;
}

std::uint32_t Routing::choose(TurnId turn, const Replicas& replicas, Time at) {
  KVPLAN_ASSERT(knows(config_));
  const std::uint32_t session = load_.turns[turn].session;
  switch (config_.policy) {
    case RouterPolicy::cost_aware:
      return soonest(turn, replicas, at);
    case RouterPolicy::weighted:
      return weighted(turn, replicas);
    case RouterPolicy::random:
      return static_cast<std::uint32_t>(draws_.below(replicas.size()));
    case RouterPolicy::power_of_two:
      return of_two(replicas);
    case RouterPolicy::least_loaded:
      return fewest(replicas);
    case RouterPolicy::prefix_aware:
      return prefix(turn, replicas);
    case RouterPolicy::session_affinity:
      if (homes_.count(session) == 0) homes_[session] = fewest(replicas);
      return homes_[session];
    default:
      return round_++ % static_cast<std::uint32_t>(replicas.size());
  }
}

std::uint32_t Routing::fewest(const Replicas& replicas) const {
  const auto least = std::min_element(replicas.begin(), replicas.end(),
                                      [](const auto& a, const auto& b) { return requests(*a) < requests(*b); });
  return static_cast<std::uint32_t>(least - replicas.begin());
}

// Two different ones, the second counted on from the first.
std::uint32_t Routing::of_two(const Replicas& replicas) {
  const std::size_t n = replicas.size(), a = draws_.below(n);
  if (n == 1) return 0;
  const std::size_t b = (a + 1 + draws_.below(n - 1)) % n;
  return static_cast<std::uint32_t>(requests(*replicas[b]) < requests(*replicas[a]) ? b : a);
}

std::uint32_t Routing::prefix(TurnId turn, const Replicas& replicas) const {
  const auto blocks = load_.blocks(load_.turns[turn]);
  const Blocks prompt(blocks.begin(), blocks.end());
  std::vector<std::int64_t> load, held;
  for (const auto& r : replicas) {
    const std::size_t g1 = r->g1_hits(prompt);
    load.push_back(requests(*r));
    held.push_back(static_cast<std::int64_t>(g1 + r->hits_below(prompt, g1).size()));
  }
  const auto [least, most] = std::minmax_element(load.begin(), load.end());
  const bool even = *most - *least <= config_.balance_requests ||
                    static_cast<double>(*most) <= config_.balance_factor * static_cast<double>(*least);
  std::uint32_t best = 0;
  for (std::uint32_t r = 1; r < replicas.size(); ++r) {
    if (held[r] > held[best] || (held[r] == held[best] && load[r] < load[best])) best = r;
  }
  const bool enough = static_cast<double>(held[best]) >
                      config_.cache_threshold * static_cast<double>(std::max<std::size_t>(1, prompt.size()));
  return even && enough ? best : fewest(replicas);
}

// Where the first token would come out first; then the fewest requests.
std::uint32_t Routing::soonest(TurnId turn, const Replicas& replicas, Time at) {
  std::uint32_t best = 0;
  std::vector<Replica::FirstToken> tokens;
  for (const auto& r : replicas) tokens.push_back(r->first_token(load_.turns[turn], expected_, at));
  const auto standing = [&](std::uint32_t r) { return std::pair(tokens[r].time, requests(*replicas[r])); };
  for (std::uint32_t r = 1; r < replicas.size(); ++r) {
    if (standing(r) < standing(best)) best = r;
  }
  expected_[turn] = tokens[best].tokens;
  return best;
}

// The scores of docs/fleet.md, each in 0..1; the largest weighted sum, ties to the lowest replica.
std::uint32_t Routing::weighted(TurnId turn, const Replicas& replicas) {
  const RouterConfig& w = config_;
  const auto prompt_blocks = load_.blocks(load_.turns[turn]);
  const Blocks prompt(prompt_blocks.begin(), prompt_blocks.end());
  std::vector<std::int64_t> queue;
  std::vector<double> g1, below;
  bool cold = true;
  const double blocks = std::max<double>(1, static_cast<double>(prompt.size()));
  for (const auto& r : replicas) {
    const std::size_t hits = r->g1_hits(prompt), all = hits + r->hits_below(prompt, hits).size();
    queue.push_back(r->queued());
    g1.push_back(static_cast<double>(hits));
    below.push_back(static_cast<double>(all));
    cold = cold && all == 0;
  }
  const auto [shortest, longest] = std::minmax_element(queue.begin(), queue.end());
  std::uint32_t best = 0;
  double best_score = -1;
  for (std::uint32_t i = 0; i < replicas.size(); ++i) {
    const double q = *longest == *shortest
                         ? 1.0
                         : static_cast<double>(*longest - queue[i]) / static_cast<double>(*longest - *shortest);
    double recency = 0.5;
    if (cold && cold_.size() == 1) recency = 1.0;
    if (cold && cold_.size() > 1) {
      const auto rank = std::find(cold_.begin(), cold_.end(), i) - cold_.begin();
      recency = 1.0 - static_cast<double>(rank) / static_cast<double>(cold_.size() - 1);
    }
    const double score = w.queue_weight * q + w.kv_use_weight * (1.0 - replicas[i]->kv_use()) +
                         w.g1_prefix_weight * g1[i] / blocks + w.g2_prefix_weight * below[i] / blocks +
                         w.recency_weight * recency;
    if (score > best_score) best = i, best_score = score;
  }
  if (cold) {
    cold_.erase(std::find(cold_.begin(), cold_.end(), best));
    cold_.push_back(best);
  }
  return best;
}

}  // namespace kvplan::twin

#include "validate/twin/twin.hpp"

#include <algorithm>
#include <memory>

#include "validate/twin/replica.hpp"
#include "validate/twin/routers.hpp"

namespace kvplan {
namespace {

using namespace twin;

// A node: its links, its tiers where they are its own, its writers.
struct Node {
  std::unique_ptr<Network> network;
  std::vector<std::unique_ptr<Writer>> writers;
};

class Fleet {
 public:
  Fleet(const Workload& load, const SimulationConfig& config);
  SimulationResult run();

 private:
  void add_replica(std::uint32_t id);
  Tier* tier_for(std::size_t level, std::uint32_t id);
  void comes(TurnId turn, Time at);
  void arrival(Time at);
  void transfer(std::size_t node, Time at);
  void follow_up(Time at);
  Refusal refusal(const Turn& t) const;

  const Workload& load_;
  const SimulationConfig& config_;
  Run run_;
  std::vector<Node> nodes_;
  std::vector<std::vector<std::unique_ptr<Tier>>> tiers_;
  std::vector<std::unique_ptr<twin::Replica>> replicas_;
  std::set<std::pair<Time, TurnId>> arrivals_;
  std::set<TurnId> in_front_end_;
  Time front_end_free_{0};
  std::map<TurnId, Time> earliest_;
  std::map<TurnId, int> awaited_;
  Routing routing_;
};

Fleet::Fleet(const Workload& load, const SimulationConfig& config)
    : load_(load), config_(config), run_{load, config, {}, {}, {}, {}}, tiers_(1 + config.offload.beyond.size()),
      routing_(load, config.router, static_cast<std::size_t>(config.replicas)) {
  KVPLAN_ASSERT(config.outages.empty() && config.scaling.min_replicas == 0 && config.others.empty());  // which it does not know
  run_.result.requests.resize(load.turns.size());
  for (std::uint32_t r = 0; r < static_cast<std::uint32_t>(config.replicas); ++r) add_replica(r);
  for (TurnId t = 0; t < load.turns.size(); ++t) {
    const Arrival& a = load.turns[t].arrival;
    run_.result.requests[t].turn = t;
    if (a.after == kNone) comes(t, a.time);
    earliest_[t] = a.not_before;
    awaited_[t] = a.join == kNone ? 1 : 2;
  }
}

// Replicas come in order: a shared tier is the last one made.
Tier* Fleet::tier_for(std::size_t level, std::uint32_t id) {
  const OffloadConfig& o = config_.offload;
  const Scope scope = level == 0 ? o.scope : o.beyond[level - 1].scope;
  Bytes capacity = level == 0 ? o.capacity : o.beyond[level - 1].capacity;
  if (scope == Scope::node && (level == 0 ? o.by_replica : o.beyond[level - 1].by_replica)) {
    const std::int64_t here = std::min(config_.replicas_per_node, config_.replicas - static_cast<std::int32_t>(id));
    const std::int64_t full = std::min(config_.replicas, config_.replicas_per_node);
    if (here < full) capacity = Bytes(capacity.count / full * here);
  }
  const bool first =
      scope == Scope::replica || (scope == Scope::node && id % config_.replicas_per_node == 0) || id == 0;
  if (first) {
    const Eviction eviction = level == 0 ? o.eviction : o.beyond[level - 1].eviction;
    const std::int64_t blocks = capacity.count / (config_.kv_bytes_per_token.count * load_.block_tokens);
    tiers_[level].push_back(
        std::make_unique<Tier>(blocks, order_of(eviction, load_, config_.retention, run_.past, blocks)));
  }
  return tiers_[level].back().get();
}

void Fleet::add_replica(std::uint32_t id) {
  const std::uint32_t on_node = id % config_.replicas_per_node;
  const int per_node = static_cast<int>(config_.links.load.size());
  if (on_node == 0) nodes_.push_back({std::make_unique<Network>(config_.links), {}});
  Node& node = nodes_.back();
  std::vector<Tier*> tiers;
  std::vector<Writer*> writers;
  std::vector<Queue> loads;
  Queue stores;
  const std::int64_t nodes = ceil_div(config_.replicas, config_.replicas_per_node);
  if (config_.offload.enabled) {
    tiers.push_back(tier_for(0, id));
    loads.push_back({2 * static_cast<int>(on_node), &config_.links.load[on_node], {}});
    stores = {2 * static_cast<int>(on_node) + 1, &config_.links.store[on_node], {}};
    for (std::size_t i = 0; i < config_.offload.beyond.size(); ++i) {
      const NodeLinks::Beyond& links = config_.links.beyond[i];
      const int numbers = 2 * per_node + static_cast<int>(i) * (per_node + 1);
      tiers.push_back(tier_for(i + 1, id));
      loads.push_back({numbers + static_cast<int>(on_node), &links.load[on_node], {}});
      if (on_node == 0) {
        node.writers.push_back(std::make_unique<Writer>(Writer{{numbers + per_node, &links.write, {}},
                                                               links.write_streams,
                                                               most_waiting_writes(config_.offload, nodes).count,
                                                               0}));
      }
      writers.push_back(node.writers[i].get());
    }
  }
  replicas_.push_back(std::make_unique<twin::Replica>(id, run_, tiers, writers, node.network.get(), loads, stores));
}

SimulationResult Fleet::run() {
  while (true) {
    // Ends of transfers, then arrivals, then steps; among equals the lower number.
    Time at = Time::max();
    for (Node& n : nodes_) at = std::min(at, n.network->next());
    if (!arrivals_.empty()) at = std::min(at, arrivals_.begin()->first);
    for (auto& r : replicas_) at = std::min(at, r->next);
    if (at == Time::max()) break;
    run_.result.end = at;
    const auto node = std::find_if(nodes_.begin(), nodes_.end(), [&](Node& n) { return n.network->next() == at; });
    const auto step = std::find_if(replicas_.begin(), replicas_.end(), [&](auto& r) { return r->next == at; });
    if (node != nodes_.end()) {
      transfer(static_cast<std::size_t>(node - nodes_.begin()), at);
    } else if (!arrivals_.empty() && arrivals_.begin()->first == at) {
      arrival(at);
    } else {
      (*step)->step(at);
      follow_up(at);
    }
  }
  for (auto& r : replicas_) {
    KVPLAN_ASSERT(r->idle());
    run_.result.evicted_g1_blocks += r->evicted();
  }
  for (std::size_t level = 0; level < tiers_.size(); ++level) {
    auto& count = level == 0
                      ? run_.result.evicted_g2_blocks
                      : run_.result.evicted_beyond_blocks[static_cast<int>(config_.offload.beyond[level - 1].kind)];
    for (const auto& tier : tiers_[level]) count += tier->evicted();
  }
  return run_.result;
}

void Fleet::transfer(std::size_t number, Time at) {
  Node& node = nodes_[number];
  const int flow = node.network->advance();
  if (flow < 0) return;
  const int per_node = static_cast<int>(config_.links.load.size());
  const auto replica = [&](int on_node) { return replicas_[number * config_.replicas_per_node + on_node].get(); };
  if (flow < 2 * per_node) {
    flow % 2 == 0 ? replica(flow / 2)->load_ended(0, at) : replica(flow / 2)->store_ended(at);
    return;
  }
  const int beyond = (flow - 2 * per_node) / (per_node + 1), who = (flow - 2 * per_node) % (per_node + 1);
  if (who < per_node) {
    replica(who)->load_ended(beyond + 1, at);
  } else {
    write_ended(*node.writers[beyond], run_, *node.network, at);
  }
}

// A turn comes to the front end.
void Fleet::comes(TurnId turn, Time at) {
  const EngineConfig& e = config_.engine;
  RequestRecord& r = run_.result.requests[turn];
  const std::int64_t tokens = load_.turns[turn].prompt_tokens;
  r.arrival = at;
  r.frontend = e.frontend_fixed + Time(e.frontend_ps_per_token * tokens);
  const bool one_by_one = e.frontend_service_fixed > Time(0) || e.frontend_service_ps_per_token > 0;
  if (one_by_one) in_front_end_.insert(turn);
  arrivals_.insert({one_by_one ? at : at + r.frontend, turn});
}

void Fleet::arrival(Time at) {
  const TurnId turn = arrivals_.begin()->second;
  arrivals_.erase(arrivals_.begin());
  RequestRecord& r = run_.result.requests[turn];
  const Turn& t = load_.turns[turn];
  if (in_front_end_.erase(turn) > 0) {
    const EngineConfig& e = config_.engine;
    front_end_free_ = std::max(front_end_free_, at) + e.frontend_service_fixed +
                      Time(e.frontend_service_ps_per_token * t.prompt_tokens);
    r.frontend += front_end_free_ - at;
    arrivals_.insert({at + r.frontend, turn});
    return;
  }
  run_.past.push_back({turn, at});
  r.refusal = refusal(t);
  if (r.refusal != Refusal::none) {
    r.outcome = Outcome::refused;
    r.finish = r.arrival + r.frontend;
    run_.ended.push_back(turn);
    follow_up(at);
    return;
  }
  replicas_[routing_.choose(turn, replicas_, at)]->arrive(turn, at);
}

Refusal Fleet::refusal(const Turn& t) const {
  const std::int64_t tokens = std::int64_t{t.prompt_tokens} + t.output_tokens;
  if (t.prompt_tokens <= 0) return Refusal::empty_prompt;
  if (tokens > config_.engine.max_context_tokens) return Refusal::exceeds_context;
  if (ceil_div(tokens, config_.engine.page_tokens) > config_.engine.g1_pages.count) return Refusal::exceeds_memory;
  return Refusal::none;
}

void Fleet::follow_up(Time at) {
  for (TurnId ended : run_.ended) {
    for (TurnId t = 0; t < load_.turns.size(); ++t) {
      const Arrival& a = load_.turns[t].arrival;
      if (a.after == kNone || (a.after != ended && a.join != ended)) continue;
      earliest_[t] = std::max(earliest_[t], a.after == ended ? at + a.time : at);
      if (--awaited_[t] == 0) comes(t, earliest_[t]);
    }
  }
  run_.ended.clear();
}

}  // namespace

SimulationResult simulate_naively(const Workload& load, const SimulationConfig& config) {
  return Fleet(load, config).run();
}

}  // namespace kvplan

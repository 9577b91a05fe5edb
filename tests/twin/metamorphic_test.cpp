// Changes of a scenario whose effect on the result is known without simulating it.
#include <algorithm>
#include <tuple>

#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/twin/rapid_dice.hpp"
#include "tests/twin/seeded_dice.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

void expect_same_life(const RequestRecord& a, const RequestRecord& b, std::int64_t factor = 1) {
  RC_ASSERT(a.outcome == b.outcome && a.refusal == b.refusal);
  RC_ASSERT(a.first_token.count * factor == b.first_token.count);
  RC_ASSERT(a.finish.count * factor == b.finish.count);
  RC_ASSERT(a.queue.count * factor == b.queue.count && a.load.count * factor == b.load.count);
  RC_ASSERT(a.hit_g1_tokens == b.hit_g1_tokens && a.hit_g2_tokens == b.hit_g2_tokens);
  RC_ASSERT(a.hit_beyond_tokens[0] == b.hit_beyond_tokens[0] && a.hit_beyond_tokens[1] == b.hit_beyond_tokens[1]);
  RC_ASSERT(a.computed_tokens == b.computed_tokens && a.recomputed_tokens == b.recomputed_tokens);
}

// The same blocks under other numbers; parents still come before their children.
Workload renamed(Dice& dice, const Workload& load) {
  std::vector<BlockId> order, open;
  std::vector<std::vector<BlockId>> children(load.block_count());
  for (BlockId b = 0; b < load.block_count(); ++b) {
    (load.parent_of_block[b] == kNone ? open : children[load.parent_of_block[b]]).push_back(b);
  }
  while (!open.empty()) {
    const auto next = open.begin() + dice.pick(0, static_cast<int>(open.size()) - 1);
    const BlockId b = *next;
    open.erase(next);
    order.push_back(b);
    open.insert(open.end(), children[b].begin(), children[b].end());
  }
  std::vector<BlockId> name(load.block_count());
  for (BlockId i = 0; i < order.size(); ++i) name[order[i]] = i;
  Workload other = load;
  for (BlockId& b : other.prompt_blocks) b = name[b];
  for (BlockId& b : other.output_blocks) b = name[b];
  for (BlockId b = 0; b < order.size(); ++b) {
    const BlockId parent = load.parent_of_block[b];
    other.parent_of_block[name[b]] = parent == kNone ? kNone : name[parent];
    other.tokens_of_block[name[b]] = load.tokens_of_block[b];
  }
  return other;
}

Workload slower(Workload load, std::int64_t factor) {
  for (Turn& t : load.turns) t.arrival.time.count *= factor;
  return load;
}

// The first turns of a load, with all its blocks.
Workload beginning(Workload load, std::size_t turns) {
  load.turns.resize(turns);
  return load;
}

}  // namespace

TEST_CASE("the names of blocks reach no result") {
  CHECK(rc::check("same lives", [] {
    RapidDice dice;
    const Workload load = random_turns(dice, 40), other = renamed(dice, load);
    SimulationConfig config = random_engine(dice);
    dice.coin() ? random_memories(dice, config) : random_beyond_twin(dice, config);
    const SimulationResult a = simulate(load, config), b = simulate(other, config);
    for (std::size_t i = 0; i < a.requests.size(); ++i) expect_same_life(a.requests[i], b.requests[i]);
  }));
}

// Chains are cut with the whole load in sight; what comes later may still not be felt earlier.
TEST_CASE("what arrives after the end changes nothing before it") {
  CHECK(rc::check("same lives", [] {
    RapidDice dice;
    Workload load = random_turns(dice, 40);
    SimulationConfig config = random_engine(dice);
    dice.coin() ? random_memories(dice, config) : random_beyond_twin(dice, config);
    std::vector<Eviction*> policies = {&config.engine.eviction, &config.offload.eviction};
    for (LowerTierConfig& tier : config.offload.beyond) policies.push_back(&tier.eviction);
    for (SimulationConfig& other : config.others) policies.push_back(&other.engine.eviction);
    for (SimulationConfig& other : config.decode_pool) policies.push_back(&other.engine.eviction);
    for (Eviction* policy : policies) {  // these know what is to come
      if (*policy == Eviction::belady || *policy == Eviction::priority) *policy = Eviction::lfu;
    }
    const std::size_t turns = load.turns.size() - load.turns.size() / 3;
    const SimulationResult a = simulate(beginning(load, turns), config);
    for (std::size_t i = turns; i < load.turns.size(); ++i) load.turns[i].arrival = {a.end + Time(kPsPerS)};
    const SimulationResult b = simulate(load, config);
    for (std::size_t i = 0; i < turns; ++i) expect_same_life(a.requests[i], b.requests[i]);
  }));
}

TEST_CASE("a machine three times as slow takes three times as long") {
  CHECK(rc::check("scaled lives", [] {
    RapidDice dice;
    const Workload load = random_turns(dice);
    SimulationConfig config = random_engine(dice);
    config.offload = {};  // shares of links are rounded down to whole bytes per second
    config.links = {};
    SimulationConfig slow = config;
    slow.engine.frontend_fixed.count *= 3;
    slow.engine.frontend_ps_per_token *= 3;
    slow.engine.frontend_service_fixed.count *= 3;
    for (StepTime& s : slow.step_times) s = s.scaled(3);
    const SimulationResult a = simulate(load, config), b = simulate(slower(load, 3), slow);
    for (std::size_t i = 0; i < a.requests.size(); ++i) expect_same_life(a.requests[i], b.requests[i], 3);
  }));
}

TEST_CASE("replicas that share nothing are simulations of their own") {
  CHECK(rc::check("same lives", [] {
    RapidDice dice;
    const Workload load = random_turns(dice);
    SimulationConfig config = random_engine(dice);
    config.replicas = dice.pick(2, 3);
    config.replicas_per_node = 1;
    config.router.policy = RouterPolicy::round_robin;
    config.engine.frontend_service_fixed = Time(0);
    if (config.offload.enabled) {
      config.links.load.resize(1);
      config.links.store.resize(1);
      std::erase_if(config.links.busy, [](const BusyLimit& b) { return b.replica > 0; });
      config.offload.scope = Scope::replica;
      config.offload.beyond.clear();
      config.links.beyond.clear();
    }
    for (const Turn& t : load.turns) RC_PRE(t.arrival.after == kNone);
    if (dice.coin()) random_kinds(dice, config);
    for (SimulationConfig& other : config.others) other.engine.g1_pages = config.engine.g1_pages;
    const SimulationResult fleet = simulate(load, config);
    const Layout layout(config);
    for (std::uint32_t r = 0; r < layout.replicas(); ++r) {
      if (layout.of_replica(r).replicas_per_node > 1) continue;
      Workload share = load;
      share.turns.clear();
      for (std::size_t i = 0; i < load.turns.size(); ++i) {
        if (fleet.requests[i].replica == r) share.turns.push_back(load.turns[i]);
      }
      if (share.turns.empty()) continue;
      SimulationConfig one = layout.of_replica(r);
      one.replicas = 1;
      one.others.clear();
      const SimulationResult alone = simulate(share, one);
      for (std::size_t i = 0, k = 0; i < load.turns.size(); ++i) {
        if (fleet.requests[i].replica != r) continue;
        RequestRecord expected = alone.requests[k++];
        // What another replica has computed before counts as recomputed in the fleet alone.
        expected.recomputed_tokens = fleet.requests[i].recomputed_tokens;
        expect_same_life(fleet.requests[i], expected);
      }
    }
  }));
}

namespace {

auto told(const Event& e) { return std::tie(e.what, e.who, e.turn, e.a, e.b, e.c, e.d, e.at); }

}  // namespace

TEST_CASE("a mixed fleet of kinds that are alike is a plain fleet, event by event") {
  CHECK(rc::check("same events", [] {
    RapidDice dice;
    const Workload load = random_turns(dice);
    SimulationConfig plain = random_engine(dice);
    random_prefetch(dice, plain);
    plain.router.policy = static_cast<RouterPolicy>(dice.pick(0, 7));
    const int others = dice.pick(1, 3);
    if (others < plain.replicas_per_node) {  // their only node is as full as any of its kind, and not of the plain fleet
      plain.offload.by_replica = false;
      for (LowerTierConfig& tier : plain.offload.beyond) tier.by_replica = false;
    }
    SimulationConfig mixed = plain, other = plain;
    mixed.replicas = plain.replicas_per_node * dice.pick(1, 2);  // whole nodes
    other.replicas = others;
    plain.replicas = mixed.replicas + other.replicas;
    mixed.others = {other};
    if (dice.coin()) random_changes(dice, mixed);
    plain.outages = mixed.outages;
    EventLog one, two;
    const SimulationResult a = simulate(load, plain, &one), b = simulate(load, mixed, &two);
    for (std::size_t i = 0; i < a.requests.size(); ++i) {
      expect_same_life(a.requests[i], b.requests[i]);
      RC_ASSERT(a.requests[i].replica == b.requests[i].replica);
    }
    RC_ASSERT(std::equal(one.events.begin(), one.events.end(), two.events.begin(), two.events.end(),
                         [](const Event& x, const Event& y) { return told(x) == told(y); }));
    RC_ASSERT(a.gpu_busy == b.gpu_busy && a.events == b.events && a.end == b.end);
    RC_ASSERT(a.fleet.mean_replicas == b.fleet.mean_replicas && a.links.size() == b.links.size());
    RC_ASSERT(b.gpu_busy_of_kind[0] + b.gpu_busy_of_kind[1] == a.gpu_busy);
  }));
}

// LRU has the inclusion property: of requests that never overlap, a larger G1 holds what a smaller one does.
TEST_CASE("more HBM never loses a hit where requests do not overlap") {
  CHECK(rc::check("hits", [] {
    RapidDice dice;
    Workload load = random_turns(dice);
    Time at{0};
    for (Turn& t : load.turns) t.arrival = {at += Time(kPsPerS)};
    SimulationConfig small = random_engine(dice), large;
    small.replicas = small.replicas_per_node = 1;
    small.offload = {};
    small.links = {};
    large = small;
    large.engine.g1_pages.count += dice.pick(1, 60);
    const SimulationResult a = simulate(load, small), b = simulate(load, large);
    for (std::size_t i = 0; i < a.requests.size(); ++i) {
      if (a.requests[i].outcome != Outcome::completed) return;  // from here on the larger one serves another load
      RC_ASSERT(a.requests[i].hit_g1_tokens <= b.requests[i].hit_g1_tokens);
    }
  }));
}

// Not monotone: with more memory or faster links other requests meet in a step, and a few end later. This is no
// fault of the simulator (schedules have such anomalies since Graham, 1969), so the test only says how rare it is.
TEST_CASE("a faster link rarely makes the load as a whole slower") {
  int later = 0, earlier = 0;
  SeededDice dice("faster links");
  for (int i = 0; i < 1000; ++i) {
    const Workload load = random_turns(dice);
    SimulationConfig config = random_engine(dice);
    if (!config.offload.enabled) continue;
    const auto mean_ttft = [&] {
      std::int64_t sum = 0;
      for (const RequestRecord& r : simulate(load, config).requests) sum += (r.first_token - r.arrival).count;
      return sum;
    };
    const std::int64_t before = mean_ttft();
    for (Limit& l : config.links.limits) l.bytes_per_s *= 2;
    const std::int64_t after = mean_ttft();
    later += after > before;
    earlier += after < before;
  }
  CAPTURE(later, earlier);
  CHECK(3 * later < earlier);
  CHECK(later > 0);
}

// Random small scenarios that are tight enough for everything to occur: shared prefixes, eviction, preemption, loads
// in mid-flight, side branches, stores without room.
#pragma once

#include <rapidcheck.h>

#include <string>

#include "sim/layout.hpp"
#include "sim/speculation.hpp"
#include "tests/sim/small.hpp"

namespace kvplan::testing {

// Where a scenario's choices come from: rapidcheck, which shrinks them, or the bytes of a fuzzer.
class Dice {
 public:
  virtual ~Dice() = default;
  virtual int pick(int low, int high) = 0;  // both included
  bool coin() { return pick(0, 1) == 1; }
  bool one_in(int n) { return pick(1, n) == n; }
};

// Turns at a few instants whose prompts extend, cut or repeat earlier ones; every other one is cached in full blocks.
inline Workload random_turns(Dice& dice, int most = 14, int longest_gap = 30) {
  Load load(8);
  Time at{0};
  std::vector<std::string> prompts;
  std::vector<int> tails;
  for (int i = 0, turns = dice.pick(1, most); i < turns; ++i) {
    at += Time(dice.pick(0, longest_gap) * (kPsPerMs / 3));
    std::string prompt;
    TurnId continues = kNone;
    if (i > 0 && !dice.one_in(3)) {
      const int parent = dice.pick(0, i - 1);
      prompt = prompts[parent];
      // A continuation knows its parent's full blocks, and so what its answer left behind.
      if (dice.coin()) continues = static_cast<TurnId>(parent);
      if (continues == kNone && dice.coin()) prompt.resize(dice.pick(0, static_cast<int>(prompt.size())));
    }
    for (int n = dice.pick(prompt.empty() ? 1 : 0, 5); n > 0; --n) prompt += static_cast<char>('a' + dice.pick(0, 2));
    const TurnId after = i > 0 && dice.one_in(4) ? static_cast<TurnId>(dice.pick(0, i - 1)) : kNone;
    load.turn(after == kNone ? at : Time(dice.pick(0, 12) * kPsPerMs), prompt, dice.coin() ? 0 : dice.pick(1, 7),
              dice.pick(0, 30), continues, after);
    prompts.push_back(prompt);
  }
  return load.build();
}

// What transfers cost beside bytes: measured by their number of segments, or a device's latency and queue.
inline void random_setup(Dice& dice, Route& r) {
  if (dice.one_in(4)) {
    std::int64_t ps = 0;
    for (int k = 0; k < 5; ++k) r.submission_ps.push_back(ps += dice.pick(0, 20) * kPsPerUs);
  }
  if (!dice.one_in(4)) return;
  r.latency_ps = dice.pick(0, 30) * kPsPerUs;
  for (int q = dice.pick(1, 6); q > 0; --q) r.ramp_fs_per_byte.push_back(q * dice.pick(0, 30) * 100'000ll);
}

inline void random_tiers(Dice& dice, SimulationConfig& c) {
  const Route load = c.links.load[0], store = c.links.store[0];
  c.links.load.assign(c.replicas_per_node, load);
  c.links.store.assign(c.replicas_per_node, store);
  c.links.limits.push_back({"memory", dice.pick(5, 300) * 100'000});
  for (Route& r : c.links.load) r.uses.push_back({2, 1}), r.segment_ps = dice.pick(0, 1) * 70 * kPsPerUs;
  for (Route& r : c.links.store) r.uses.push_back({2, dice.pick(1, 2)});
  for (Route& r : c.links.load) random_setup(dice, r);
  for (Route& r : c.links.store) random_setup(dice, r);
  if (dice.one_in(4)) c.offload.load_segment = Bytes(c.offload.segment.count / dice.pick(1, 4));
  c.offload.store = static_cast<StorePolicy>(dice.pick(0, 2));
  c.offload.load = static_cast<LoadPolicy>(dice.pick(0, 2));
  c.offload.scope = static_cast<Scope>(dice.pick(0, 2));
  c.offload.chunk_tokens = dice.pick(1, 3) * 8;
  c.offload.by_replica = dice.coin();
  c.offload.promote = dice.coin();
  for (int kind = 0; kind < 2; ++kind) {
    if (dice.coin()) continue;
    const auto read = static_cast<std::uint32_t>(c.links.limits.size());
    c.links.limits.push_back({"read", dice.pick(1, 100) * 100'000});
    c.links.limits.push_back({"write", dice.pick(1, 100) * 100'000});
    Route from{{{0, 1}, {2, 2}, {read, 1}}, dice.pick(0, 1) * 50 * kPsPerUs}, to{{{read + 1, 1}}, 0};
    random_setup(dice, from), random_setup(dice, to);
    c.links.beyond.push_back({std::vector<Route>(c.replicas_per_node, from), to, dice.pick(1, 2)});
    c.offload.beyond.push_back({static_cast<Storage>(kind),
                                static_cast<Scope>(dice.pick(static_cast<int>(c.offload.scope), 2)),
                                Bytes(dice.pick(8, 900) * 1000), Eviction::lru, StorePolicy::through, dice.coin()});
  }
}

// Replicas whose steps slow their copies.
inline void random_busy_limits(Dice& dice, NodeLinks& links) {
  for (std::uint32_t r = 0; r < links.load.size(); ++r) {
    for (const bool to_device : {true, false}) {
      if (!dice.one_in(3)) continue;
      const auto limit = static_cast<std::uint32_t>(links.limits.size());
      const std::int64_t alone = rate_alone(links, to_device ? links.load[r] : links.store[r]);
      links.limits.push_back({"beside steps", alone});
      links.busy.push_back({limit, r, std::max<std::int64_t>(1, alone * dice.pick(1, 9) / 10)});
      (to_device ? links.load[r] : links.store[r]).uses.push_back({limit, 1});
      for (NodeLinks::Beyond& tier : links.beyond) {
        if (to_device) tier.load[r].uses.push_back({limit, 1});
      }
    }
  }
}

// What goes first of memories that are short of room for many turns, and whether to load: as far as the twin knows.
inline void random_memories(Dice& dice, SimulationConfig& c) {
  const Eviction known[] = {Eviction::lru,     Eviction::lfu,   Eviction::priority, Eviction::belady,
                            Eviction::session, Eviction::sieve, Eviction::s3_fifo,  Eviction::arc};
  c.engine.eviction = known[dice.pick(0, 4)];
  const auto any = [&] { return known[dice.pick(0, 7)]; };
  c.offload.eviction = any();
  c.offload.capacity = Bytes(dice.pick(2, 30) * 8000);
  for (LowerTierConfig& tier : c.offload.beyond) {
    tier.eviction = any();
    tier.capacity = Bytes(dice.pick(2, 30) * 8000);
  }
  if (dice.coin()) c.retention.duration = Time(dice.pick(1, 100) * kPsPerMs);
  if (dice.coin()) c.retention.store_from = dice.pick(30, 60);
  c.offload.choice = static_cast<LoadChoice>(dice.pick(0, 2));
  if (dice.coin()) {  // tokens that take as long as their load
    for (StepTime& s : c.step_times) s.base = PiecewiseLinear({{0, kPsPerMs / 10, dice.pick(1, 40) * 10 * kPsPerUs}});
  }
}

// How a replica schedules, chooses and evicts, beyond what the twin knows.
inline void random_policies(Dice& dice, SimulationConfig& c) {
  c.engine.overlap = dice.coin();
  // The host's part can be the longer one, at first or always.
  for (StepTime& s : c.step_times) {
    s.host_ps = dice.pick(0, 9) * 100 * kPsPerUs;
    s.host_sample_ps = dice.pick(0, 1) * 10 * kPsPerUs;
  }
  if (dice.one_in(3)) {
    const int drafts = dice.pick(1, 4);
    c.engine.max_num_batched_tokens = std::max(c.engine.max_num_batched_tokens, c.engine.max_num_seqs * (1 + drafts));
    speculate(c, drafts, dice.pick(0, 10) / 10.0, dice.pick(0, 5) / 10.0);
  }
  c.offload.choice = static_cast<LoadChoice>(dice.pick(0, 3));
  if (c.offload.choice == LoadChoice::partial) {  // which is worth while only where tokens take long, and steps do not
    const std::int64_t token_ps = dice.pick(1, 40) * 10 * kPsPerUs;
    for (StepTime& s : c.step_times) s.base = PiecewiseLinear({{0, kPsPerMs / 10, token_ps}});
  }
  c.offload.defer_stores = dice.coin();
  c.offload.eviction = static_cast<Eviction>(dice.pick(0, 7));
  const Eviction in_hbm[] = {Eviction::lru, Eviction::lfu, Eviction::priority, Eviction::session, Eviction::belady};
  c.engine.eviction = in_hbm[dice.pick(0, 4)];
  if (dice.coin()) c.retention.duration = Time(dice.pick(1, 100) * kPsPerMs);
  for (std::size_t tier = 0; tier < c.offload.beyond.size(); ++tier) {
    c.offload.beyond[tier].eviction = static_cast<Eviction>(dice.pick(0, 7));
    c.offload.beyond[tier].store = static_cast<StorePolicy>(tier == 0 ? dice.pick(0, 2) : 2 * dice.pick(0, 1));
  }
  if (dice.one_in(4)) c.router.policy = RouterPolicy::cost_aware;
  c.router.view = static_cast<RouterView>(dice.pick(0, 2));
  c.router.view_interval = Time(dice.pick(1, 100) * kPsPerMs / 4);
}

// Which the twin does not know.
inline void random_prefetch(Dice& dice, SimulationConfig& c) {
  c.offload.prefetch = dice.coin();
  c.offload.prefetch_tokens = dice.pick(1, 40);
  if (!c.offload.prefetch) return;
  for (NodeLinks::Beyond& tier : c.links.beyond) {
    Route into = tier.load[0];
    into.uses.erase(into.uses.begin());  // all but the link to the GPU
    tier.prefetch.assign(tier.load.size(), into);
  }
}

// One or two further kinds of replicas, which differ in all that may differ. Which the twin does not know.
inline void random_kinds(Dice& dice, SimulationConfig& c) {
  const auto on_each = [](std::vector<Route>& routes, std::int32_t replicas) {
    const Route route = routes.front();
    routes.assign(static_cast<std::size_t>(replicas), route);
  };
  for (int kinds = dice.pick(1, 2); kinds > 0; --kinds) {
    SimulationConfig other = c;
    other.others.clear();
    other.replicas = dice.pick(1, 2);
    other.replicas_per_node = dice.pick(1, other.replicas);
    other.engine.g1_pages = Pages(dice.pick(10, 120));
    const double pace = dice.pick(3, 30) / 10.0;
    for (StepTimes* times : {&other.step_times, &other.draft_times}) {
      for (StepTime& s : *times) s = s.scaled(pace);
    }
    if (c.offload.enabled) {
      for (Limit& l : other.links.limits) l.bytes_per_s = dice.pick(1, 200) * 100'000;
      on_each(other.links.load, other.replicas_per_node);
      on_each(other.links.store, other.replicas_per_node);
      for (NodeLinks::Beyond& tier : other.links.beyond) {
        on_each(tier.load, other.replicas_per_node);
        if (!tier.prefetch.empty()) on_each(tier.prefetch, other.replicas_per_node);
      }
      std::erase_if(other.links.busy, [&](const BusyLimit& b) {
        return b.replica >= static_cast<std::uint32_t>(other.replicas_per_node);
      });
      for (BusyLimit& b : other.links.busy) {
        b.bytes_per_s = std::max<std::int64_t>(1, other.links.limits[b.limit].bytes_per_s * dice.pick(1, 10) / 10);
      }
      other.offload.capacity = Bytes(dice.pick(8, 900) * 1000);
      for (LowerTierConfig& tier : other.offload.beyond) tier.capacity = Bytes(dice.pick(8, 900) * 1000);
    }
    c.others.push_back(other);
  }
}

// Nodes that fail, drain and come back, and scaling.
inline void random_changes(Dice& dice, SimulationConfig& c) {
  const int nodes = static_cast<int>(Layout(c).nodes());
  for (int i = dice.pick(0, 3); i > 0; --i) {
    const Time down = dice.one_in(4) ? Time::max() : Time(dice.pick(0, 50) * kPsPerMs);
    c.outages.push_back({static_cast<std::uint32_t>(dice.pick(0, nodes - 1)), Time(dice.pick(0, 300) * kPsPerMs / 4),
                         dice.coin(), down});
  }
  if (c.others.empty() && dice.one_in(3)) {
    c.scaling = {dice.pick(1, c.replicas), dice.pick(1, 4), Time(dice.pick(1, 20) * kPsPerMs),
                 Time(dice.pick(0, 20) * kPsPerMs), Time(dice.pick(0, 40) * kPsPerMs)};
  }
}

inline SimulationConfig random_engine(Dice& dice) {
  const bool tiers = !dice.one_in(4);
  SimulationConfig c = small_machine(dice.pick(10, 90), tiers ? dice.pick(1, 200) * 100'000 : 0, dice.pick(8, 900));
  c.check = false;
  c.replicas = dice.pick(1, 3);
  c.replicas_per_node = dice.pick(1, c.replicas);
  c.gpus_per_replica = dice.pick(1, 4);
  c.engine.page_tokens = 1 << dice.pick(0, 3);
  c.engine.g1_pages = Pages(c.engine.g1_pages.count * 4 / c.engine.page_tokens + 1);
  c.engine.max_num_seqs = dice.pick(1, 6);
  c.engine.max_num_batched_tokens = dice.pick(c.engine.max_num_seqs, 70);
  c.engine.order = static_cast<StepOrder>(dice.pick(0, 1));
  c.engine.whole_prompts = dice.coin();
  c.engine.max_context_tokens = dice.one_in(4) ? 60 : 100'000;
  c.engine.frontend_fixed = Time(dice.pick(0, 2) * kPsPerMs);
  c.engine.frontend_ps_per_token = dice.pick(0, 1) * 1000;
  c.engine.frontend_service_fixed = Time(dice.pick(0, 1) * dice.pick(0, 9) * kPsPerMs);
  c.router.policy = static_cast<RouterPolicy>(dice.pick(0, 7));
  c.router.cache_threshold = dice.pick(0, 5) / 10.0;
  c.router.balance_requests = dice.pick(0, 3);
  for (StepTime& s : c.step_times) {
    s.base = PiecewiseLinear({{0, kPsPerMs, 10'000'000}, {9, 2 * kPsPerMs, 7'000'000}});
    s.head = PiecewiseLinear({{0, 0, 40'000'000}, {3, 120'000'000, 30'000'000}});
  }
  if (dice.coin()) {
    for (int i = 1; i < 4; ++i) c.step_times[i] = c.step_times[0].scaled(1.0 + 0.05 * i);
  }
  if (tiers) random_tiers(dice, c);
  if (tiers) random_busy_limits(dice, c.links);
  if (dice.coin()) {  // of shorter chunks reading the keys decides
    const int queries = dice.pick(1, 40);
    for (StepTime& s : c.step_times) s.key_queries = queries;
  }
  return c;
}

// Prompts and answers on replicas of their own, after the rest has been chosen. The twin does not know that.
inline void random_pools(Dice& dice, SimulationConfig& c) {
  SimulationConfig own = c;
  own.offload = {};
  own.links = {};
  own.replicas = own.replicas_per_node = dice.pick(1, 3);
  own.router.policy = static_cast<RouterPolicy>(dice.pick(0, 1));
  own.engine.g1_pages = Pages(dice.pick(40, 360) / c.engine.page_tokens + 1);
  own.engine.max_num_seqs = dice.pick(1, 6);
  own.engine.max_num_batched_tokens = dice.pick(own.engine.max_num_seqs, 70);
  own.engine.order = static_cast<StepOrder>(dice.pick(0, 1));
  own.engine.max_num_batched_tokens =
      std::max(own.engine.max_num_batched_tokens, own.engine.max_num_seqs * (1 + own.engine.speculation.draft_tokens));
  for (StepTime& s : own.step_times) s = c.step_times[0].scaled(0.5 + dice.pick(0, 2) * 0.5);
  c.handoff.layerwise = dice.coin();
  for (int i = 0; i < c.replicas + own.replicas; ++i) {
    c.handoff.limits.push_back({"port", dice.pick(1, 300) * 100'000});
  }
  for (int p = 0; p < c.replicas; ++p) {
    for (int d = 0; d < own.replicas; ++d) {
      const auto out = static_cast<std::uint32_t>(p), in = static_cast<std::uint32_t>(c.replicas + d);
      c.handoff.routes.push_back({{{out, 1}, {in, 1}}, dice.pick(0, 1) * 50 * kPsPerUs});
    }
  }
  c.decode_pool = {own};
}

// All that the twin does not know.
inline void random_beyond_twin(Dice& dice, SimulationConfig& c) {
  if (dice.coin()) random_policies(dice, c);
  random_prefetch(dice, c);
  c.step_by_step = dice.coin();
  if (dice.one_in(3)) random_kinds(dice, c);
  if (c.others.empty() && dice.one_in(3)) {
    random_pools(dice, c);
  } else if (dice.coin()) {
    random_changes(dice, c);
  }
}

}  // namespace kvplan::testing

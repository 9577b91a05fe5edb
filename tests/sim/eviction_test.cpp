// Policies over pieces of chains against the plain account of their rules, block
// by block; and against the simulators behind `kvplan trace mrc`, which share no
// code with them, where both mean the same.
#include "sim/eviction/eviction.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include <rapidcheck.h>

#include "sim/eviction/foresight.hpp"
#include "sim/lower_tier.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"
#include "traces/policies/policy.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

using Name = std::pair<std::uint32_t, std::uint32_t>;  // chain, position

int pick(int low, int high) { return *rc::gen::inRange(low, high + 1); }

Workload some_load() {
  Load load(16);
  for (int i = pick(1, 8); i > 0; --i) {
    std::string prompt;
    for (int n = pick(1, 7); n > 0; --n) prompt += static_cast<char>('a' + pick(0, 1));
    load.turn(Time(i), prompt, 0, 1);
  }
  return load.build();
}

// One block at a time: the same policy would answer the same if it were asked so. Pieces are what is at stake here;
// what a policy means is checked against independent simulators below.
struct Pair {
  std::unique_ptr<EvictionPolicy> pieces, blocks;
  std::map<Name, bool> held;  // by block that is there

  void each(const BlockRange& r, const std::function<void(const BlockRange&)>& act) const {
    for (std::uint32_t i = r.last; i-- > r.first;) act({r.chain, i, i + 1});
  }
};

template <class Wanted>
BlockRange some_range(const PrefixChains& chains, Wanted wanted) {
  const auto chain = static_cast<std::uint32_t>(pick(0, static_cast<int>(chains.chain_count()) - 1));
  const auto blocks = static_cast<int>(chains[chain].blocks);
  BlockRange r{chain, static_cast<std::uint32_t>(pick(0, blocks - 1)), 0};
  r.last = r.first;
  const int most = pick(1, blocks);
  while (r.last < chains[chain].blocks && r.blocks() < most && wanted(Name{chain, r.last})) ++r.last;
  return r;
}

void evict_some(Pair& p, int n) {
  while (n > 0 && std::any_of(p.held.begin(), p.held.end(), [](const auto& h) { return !h.second; })) {
    BlockRange r = p.pieces->next();
    RC_ASSERT(r.blocks() > 0);
    r.first = r.last - static_cast<std::uint32_t>(std::min<std::int64_t>(n, r.blocks()));
    p.each(r, [&](const BlockRange& block) {
      const BlockRange one = p.blocks->next();
      RC_ASSERT(one.chain == block.chain && one.last == block.last);
      p.blocks->evicted(block);
      RC_ASSERT(!p.held.at({block.chain, block.first}));
      p.held.erase({block.chain, block.first});
    });
    p.pieces->evicted(r);
    n -= static_cast<int>(r.blocks());
  }
}

void do_something(Pair& p, const PrefixChains& chains, Time& at) {
  const auto there = [&](Name b) { return p.held.count(b) > 0; };
  at += Time(pick(0, 3) * kPsPerS);
  p.pieces->announce({at, false});
  p.blocks->announce({at, false});
  BlockRange r;
  switch (pick(0, 4)) {
    case 0:
      r = some_range(chains, [&](Name b) { return !there(b); });
      if (r.blocks() == 0) return;
      if (!p.pieces->block_by_block()) p.pieces->miss(r);
      p.each(r, [&](const BlockRange& b) {
        if (p.pieces->block_by_block()) p.pieces->miss(b);
        p.blocks->miss(b);
      });
      p.pieces->insert(r);
      p.pieces->rank(r);
      p.each(r, [&](const BlockRange& b) { p.blocks->insert(b), p.blocks->rank(b), p.held[{b.chain, b.first}] = true; });
      p.pieces->all_came(), p.blocks->all_came();
      return;
    case 1:
      r = some_range(chains, there);
      if (r.blocks() == 0) return;
      p.pieces->access(r);
      p.pieces->rank(r);
      p.each(r, [&](const BlockRange& b) { p.blocks->access(b), p.blocks->rank(b); });
      return;
    case 2:
    case 3: {
      const bool hold = pick(0, 2) == 0;
      r = some_range(chains, [&](Name b) { return there(b) && p.held[b] != hold; });
      if (r.blocks() == 0) return;
      hold ? p.pieces->hold(r) : p.pieces->let_go(r);
      p.each(r, [&](const BlockRange& b) {
        hold ? p.blocks->hold(b) : p.blocks->let_go(b);
        p.held[{b.chain, b.first}] = hold;
      });
      return;
    }
    default: evict_some(p, pick(1, 5));
  }
}

void check_pieces(Eviction eviction) {
  CHECK(rc::check("the same blocks in the same order", [&] {
    const Workload load = some_load();
    const PrefixChains chains(load);
    Foresight one(load, chains, true, true), other(load, chains, true, true);
    for (TurnId t = 0; t < load.turns.size() / 2; ++t) one.arrived(t, Time(t)), other.arrived(t, Time(t));
    for (TurnId t = 0; t < load.turns.size(); ++t) {  // whose chains they are
      if (t >= load.turns.size() / 2 && pick(0, 1)) one.arrived(t, Time(t)), other.arrived(t, Time(t));
    }
    RetentionConfig retention;
    retention.duration = Time(5 * kPsPerS);
    const std::int64_t capacity = pick(2, 20);
    Pair p{make_eviction(eviction, {retention, one, capacity}), make_eviction(eviction, {retention, other, capacity}), {}};
    Time at{0};
    for (int i = 0; i < 80; ++i) do_something(p, chains, at);
  }));
}

// Prompts of one block each: a cache as the simulators of traces/policies have it.
void check_against_simulator(Eviction eviction, const char* name) {
  CHECK(rc::check(name, [&] {
    Load load(16);
    const int blocks = pick(2, 12);
    for (int i = pick(1, 120); i > 0; --i) load.turn(Time(i), std::string(1, static_cast<char>('a' + pick(0, blocks - 1))), 0, 1);
    const Workload w = load.build();
    const PrefixChains chains(w);
    const std::int64_t capacity = pick(1, 8);
    Foresight foresight(w, chains, false, true);
    RetentionConfig retention;
    LowerTier tier(chains, Bytes(capacity * 16), Bytes(1), false, make_eviction(eviction, {retention, foresight, capacity}));
    const auto simulator = policy_named(name).make({w, capacity, TouchOrder::head_to_tail});
    for (TurnId t = 0; t < w.turns.size(); ++t) {
      const BlockRange r = chains.prompt(t)[0].range;
      const BlockId block = w.blocks(w.turns[t])[0];
      const bool hit = tier.stretch(r).present;
      RC_ASSERT(hit == simulator->holds(block));
      foresight.arrived(t, Time(t));
      if (hit) {
        tier.touch(r);
      } else {
        tier.begin_store(r);
        tier.come({r});
        tier.end_store(r);
      }
      simulator->touch(w.blocks(w.turns[t]), w.turns[t].first_block);
      tier.audit();
    }
  }));
}

}  // namespace

TEST_CASE("eviction by pieces is eviction block by block") {
  for (const EvictionEntry& e : eviction_table()) {
    if (e.make != nullptr) check_pieces(e.eviction);
  }
}

TEST_CASE("policies of a tier have the hits of the simulators behind trace mrc") {
  check_against_simulator(Eviction::lru, "lru");
  check_against_simulator(Eviction::lfu, "lfu");
  check_against_simulator(Eviction::arc, "arc");
  check_against_simulator(Eviction::s3_fifo, "s3-fifo");
  check_against_simulator(Eviction::sieve, "sieve");
}

TEST_CASE("belady has no fewer hits than any other policy on an open load through one memory") {
  CHECK(rc::check("the bound", [] {
    Load load(16);
    for (int i = pick(5, 60); i > 0; --i) load.turn(Time(i), std::string(1, static_cast<char>('a' + pick(0, 9))), 0, 1);
    const Workload w = load.build();
    const PrefixChains chains(w);
    const std::int64_t capacity = pick(1, 6);
    const auto hits = [&](Eviction eviction) {
      Foresight foresight(w, chains, true, true);
      RetentionConfig retention;
      LowerTier tier(chains, Bytes(capacity * 16), Bytes(1), false, make_eviction(eviction, {retention, foresight, capacity}));
      int n = 0;
      for (TurnId t = 0; t < w.turns.size(); ++t) {
        const BlockRange r = chains.prompt(t)[0].range;
        foresight.arrived(t, w.turns[t].arrival.time);
        tier.announce({w.turns[t].arrival.time, false});
        if (tier.stretch(r).present) {
          ++n, tier.touch(r);
        } else {
          tier.begin_store(r), tier.come({r}), tier.end_store(r);
        }
        foresight.ended(t, w.turns[t].arrival.time);
      }
      return n;
    };
    const int bound = hits(Eviction::belady);
    for (const EvictionEntry& e : eviction_table()) RC_ASSERT(hits(e.eviction) <= bound);
  }));
}

TEST_CASE("a priority outlasts what is more recent, until its time has passed") {
  Load load(16);
  load.turn(Time(0), "ab", 0, 1);
  load.turn(Time(1), "ac", 0, 1);  // "a" is shared
  const Workload w = load.build();
  const PrefixChains chains(w);
  Foresight foresight(w, chains, false, false);
  RetentionConfig retention;
  retention.duration = Time(10 * kPsPerS);
  const auto policy = make_eviction(Eviction::priority, {retention, foresight, 8});
  policy->announce({Time(0), false});
  for (TurnId t : {0u, 1u}) {
    for (const PrefixRun& run : chains.prompt(t)) {
      const BlockRange r = t == 0 ? run.range : run.range.from(std::max(run.range.first, t == 1 && run.begin == 0 ? 1u : 0u));
      if (r.blocks() == 0) continue;
      policy->insert(r), policy->rank(r), policy->let_go(r);
    }
  }
  const BlockRange first = policy->next();
  const BlockRange shared = chains.prompt(0)[0].range.until(1);
  CHECK((first.chain != shared.chain || first.last > 1));  // "b" before "a", which several sessions share
  policy->announce({Time(11 * kPsPerS), false});
  CHECK(policy->priority(shared.chain, 0) == 80);
  policy->next();
  CHECK(policy->priority(shared.chain, 0) == 35);
}

// The engine against its twin, a naive simulator of the same written rules: every request's record and every counter
// are equal, on random small scenarios. When they differ, rapidcheck shrinks the scenario and the log tells it.
#include "validate/twin/twin.hpp"

#include <map>
#include <sstream>

#include "sim/eviction/eviction.hpp"
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/twin/rapid_dice.hpp"
#include "tests/twin/seeded_dice.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

std::string described(const Workload& w, const SimulationConfig& c) {
  std::ostringstream text;
  for (const Turn& t : w.turns) {
    text << "turn at " << t.arrival.time.count / kPsPerUs << " us after " << static_cast<int>(t.arrival.after) << ":";
    for (BlockId b : w.blocks(t)) text << " " << b;
    text << " >";
    for (BlockId b : w.outputs(t)) text << " " << b;
    text << ", " << t.prompt_tokens << " + " << t.output_tokens << " tokens\n";
  }
  text << c.replicas << " replicas, " << c.replicas_per_node << " a node; page " << c.engine.page_tokens << " x "
       << c.engine.g1_pages.count << "; seqs " << c.engine.max_num_seqs << ", budget "
       << c.engine.max_num_batched_tokens << ", order " << static_cast<int>(c.engine.order) << ", whole "
       << c.engine.whole_prompts << ", router " << static_cast<int>(c.router.policy) << "\noffload "
       << c.offload.enabled << ": store " << static_cast<int>(c.offload.store) << ", load "
       << static_cast<int>(c.offload.load) << ", scope " << static_cast<int>(c.offload.scope) << ", "
       << c.offload.capacity.count << " bytes, chunk " << c.offload.chunk_tokens << ", promote " << c.offload.promote;
  for (const LowerTierConfig& t : c.offload.beyond) {
    text << "; " << (t.kind == Storage::ssd ? "ssd " : "remote ") << t.capacity.count << " bytes, eviction "
         << static_cast<int>(t.eviction);
  }
  text << "; choice " << static_cast<int>(c.offload.choice) << ", eviction " << static_cast<int>(c.engine.eviction)
       << " " << static_cast<int>(c.offload.eviction) << ", lasting " << c.retention.duration.count / kPsPerUs
       << " us, stored from " << c.retention.store_from;
  for (const Limit& l : c.links.limits) text << ", " << l.name << " " << l.bytes_per_s;
  return text.str();
}

#define EQUAL(what) RC_ASSERT(a.what == b.what)

void expect_equal(const RequestRecord& a, const RequestRecord& b) {
  RC_LOG("turn " + std::to_string(a.turn));
  EQUAL(outcome);
  EQUAL(refusal);
  EQUAL(replica);
  EQUAL(arrival.count);
  EQUAL(hit_g1_tokens);
  EQUAL(hit_g2_tokens);
  EQUAL(hit_beyond_tokens[0]);
  EQUAL(hit_beyond_tokens[1]);
  EQUAL(frontend.count);
  EQUAL(queue.count);
  EQUAL(load.count);
  EQUAL(prefill.count);
  EQUAL(first_token.count);
  EQUAL(finish.count);
  EQUAL(computed_tokens);
  EQUAL(recomputed_tokens);
  EQUAL(recompute.count);
  EQUAL(preemptions);
}

void expect_equal(const SimulationResult& a, const SimulationResult& b) {
  EQUAL(requests.size());
  for (std::size_t i = 0; i < a.requests.size(); ++i) expect_equal(a.requests[i], b.requests[i]);
  EQUAL(steps);
  EQUAL(preemptions);
  EQUAL(evicted_g1_blocks);
  EQUAL(evicted_g2_blocks);
  EQUAL(evicted_beyond_blocks[0]);
  EQUAL(evicted_beyond_blocks[1]);
  EQUAL(loaded.count);
  EQUAL(stored.count);
  EQUAL(written_beyond.count);
  EQUAL(skipped_stores);
  EQUAL(gpu_busy.count);
  EQUAL(gpu_waiting_for_load.count);
  EQUAL(end.count);
}

}  // namespace

TEST_CASE("the engine equals its twin") {
  CHECK(rc::check("same results", [] {
    RapidDice dice;
    const bool memories = dice.coin();
    const Workload load = memories ? random_turns(dice, 40, 8) : random_turns(dice);
    SimulationConfig config = random_engine(dice);
    if (memories) random_memories(dice, config);
    RC_LOG(described(load, config));
    expect_equal(simulate(load, config), simulate_naively(load, config));
  }));
}

// What the comparison would not notice if it never happened.
TEST_CASE("the random scenarios reach what they are made for") {
  SimulationResult seen;
  std::int64_t refused = 0, recomputed = 0, waited_for_load = 0, hits_beyond = 0;
  SeededDice dice("what the random scenarios reach");
  for (int i = 0; i < 1000; ++i) {
    const Workload load = random_turns(dice);
    const SimulationConfig config = random_engine(dice);
    const SimulationResult r = simulate_naively(load, config);
    for (const RequestRecord& q : r.requests) {
      refused += q.outcome == Outcome::refused;
      recomputed += q.recomputed_tokens;
      waited_for_load += q.load.count > 0;
      hits_beyond += q.hit_beyond_tokens[0] + q.hit_beyond_tokens[1];
    }
    seen.preemptions += r.preemptions;
    seen.evicted_g1_blocks += r.evicted_g1_blocks;
    seen.evicted_g2_blocks += r.evicted_g2_blocks;
    for (int t : {0, 1}) seen.evicted_beyond_blocks[t] += r.evicted_beyond_blocks[t];
    seen.skipped_stores += r.skipped_stores;
  }
  CHECK(refused > 0);
  CHECK(recomputed > 0);
  CHECK(waited_for_load > 0);
  CHECK(hits_beyond > 0);
  CHECK(seen.preemptions > 0);
  CHECK(seen.evicted_g1_blocks > 0);
  CHECK(seen.evicted_g2_blocks > 0);
  for (int i : {0, 1}) CHECK(seen.evicted_beyond_blocks[i] > 0);
  CHECK(seen.skipped_stores > 0);
}

// A policy that never mattered would not be compared.
TEST_CASE("the random scenarios tell each policy from LRU, and each choice from loading") {
  std::map<Eviction, int> in_hbm, below;
  std::map<LoadChoice, int> choices;
  SeededDice dice("what tells policies apart");
  const auto lives = [](const Workload& load, const SimulationConfig& c) {
    std::vector<std::int64_t> all;
    for (const RequestRecord& q : simulate_naively(load, c).requests) {
      all.push_back(q.finish.count);
      all.push_back(q.computed_tokens);
    }
    return all;
  };
  for (int i = 0; i < 2000; ++i) {
    const Workload load = random_turns(dice, 40, 8);
    SimulationConfig c = random_engine(dice);
    random_memories(dice, c);
    const auto seen = lives(load, c);
    const auto without = [&](auto&& set) {
      SimulationConfig other = c;
      set(other);
      return lives(load, other) != seen;
    };
    in_hbm[c.engine.eviction] += without([](SimulationConfig& o) { o.engine.eviction = Eviction::lru; });
    below[c.offload.eviction] += without([](SimulationConfig& o) { o.offload.eviction = Eviction::lru; });
    choices[c.offload.choice] += without([](SimulationConfig& o) { o.offload.choice = LoadChoice::load; });
  }
  for (const EvictionEntry& e : eviction_table()) {
    const bool other = e.make != nullptr;
    CAPTURE(e.name, in_hbm[e.eviction], below[e.eviction]);
    CHECK((in_hbm[e.eviction] > 20) == (other && e.in_hbm));
    CHECK((below[e.eviction] > 20) == other);
  }
  CHECK(choices[LoadChoice::recompute] > 20);
  CHECK(choices[LoadChoice::cheaper] > 20);
  CHECK((in_hbm[Eviction::lru] == 0 && below[Eviction::lru] == 0 && choices[LoadChoice::load] == 0));
}

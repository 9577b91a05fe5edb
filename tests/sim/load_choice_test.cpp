// Loading, computing again, and both at once, on timelines short enough to work out by hand; and what a tier below
// cannot do for its owner.
#include "sim/speculation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// The second prompt drives the first out of G1, which holds one, but not out of G2, which holds two.
Workload there_and_back() {
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  load.turn(ms(400), "wxyz", 0, 1);
  load.turn(ms(800), "abcd", 1, 1);
  return load.build();
}

Time ttft(const RequestRecord& r) { return r.first_token - r.arrival; }

Time mean_ttft(const SimulationResult& r) {
  Time sum{0};
  for (const RequestRecord& q : r.requests) sum += ttft(q);
  return Time(sum.count / static_cast<std::int64_t>(r.requests.size()));
}

Workload in_turn(int prompts, int rounds) {
  Load load(16);
  for (int i = 0; i < prompts * rounds; ++i) {
    load.turn(ms(200 * i), std::string(4, static_cast<char>('a' + i % prompts)), 1, 1);
  }
  return load.build();
}

}  // namespace

TEST_CASE("a leading block is computed while the rest loads") {
  SimulationConfig machine = small_machine(17, 40'000'000, 128);
  machine.offload.choice = LoadChoice::partial;
  const SimulationResult r = simulate(there_and_back(), machine);
  const RequestRecord& q = r.requests[2];
  // A block loads in 0.4 ms and 16 k tokens compute in 1 + 0.16 k ms: one block computed, three loaded in 1.2 ms.
  CHECK(q.hit_g2_tokens == 48);
  CHECK(q.computed_tokens == 17);
  CHECK(q.recomputed_tokens == 16);
  const Time lead = ms(1.16) + Time(16 * 17 / 2 * 100), last = ms(1.01) + Time(65 * 100);
  CHECK(ttft(q) == ms(1.2) + last);
  CHECK(q.load == ms(1.2) - lead);
  CHECK(q.prefill == lead + last);
  CHECK(r.load_choices.partial == 1);
  CHECK(r.load_choices.recomputed_tokens == 16);
  CHECK(r.load_choices.saved_against_loading == ms(0.4));
}

// The last page is computed whatever there is: to load it beside the rest takes as long as to compute all, and moves bytes
// for nothing.
TEST_CASE("nothing is loaded that is computed all the same") {
  SimulationConfig machine = small_machine(5, 11'400'000, 128);
  machine.engine.page_tokens = 16;
  machine.engine.max_num_batched_tokens = 48;
  machine.offload.choice = LoadChoice::partial;
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  load.turn(ms(400), "wxyz", 0, 2);
  load.turn(ms(800), "abcd", 0, 1);
  const SimulationResult r = simulate(load.build(), machine);
  CHECK(r.requests[2].computed_tokens == 64);
  CHECK(r.load_choices.recomputed == 1);
  CHECK(r.loaded == Bytes(0));
}

TEST_CASE("what loads more slowly than it computes is computed, and the other way round") {
  for (const std::int64_t bytes_per_s : {1'000'000, 400'000'000}) {
    SimulationConfig machine = small_machine(17, bytes_per_s, 128);
    const SimulationResult load = simulate(there_and_back(), machine);
    machine.offload.choice = LoadChoice::recompute;
    const SimulationResult recompute = simulate(there_and_back(), machine);
    machine.offload.choice = LoadChoice::cheaper;
    const SimulationResult cheaper = simulate(there_and_back(), machine);
    CHECK(ttft(cheaper.requests[2]) == std::min(ttft(load.requests[2]), ttft(recompute.requests[2])));
    CHECK(cheaper.load_choices.recomputed == (bytes_per_s == 1'000'000));
    CHECK(recompute.requests[2].hit_g2_tokens == 0);
    CHECK(recompute.loaded == Bytes(0));
  }
}

TEST_CASE("a deferred store starts one step later, or at once when no step follows") {
  SimulationConfig machine = small_machine(40, 1'000'000, 1000);
  Load load(16);
  load.turn(ms(0), "abcd", 0, 3);
  const Workload turns = load.build();
  const auto end = [&](bool defer) {
    machine.offload.defer_stores = defer;
    return simulate(turns, machine).end;
  };
  // Prefill, then two decode steps: deferred, the 64 kB start after the first of them.
  CHECK(end(true) - end(false) == ms(1.01) + Time(65 * 1000));
}

TEST_CASE("a slow file tier loses to computing again") {
  SimulationConfig machine = small_machine(17, 40'000'000, 64 * 8);
  machine.links.limits.push_back({"read", 300'000});
  machine.links.limits.push_back({"write", 4'000'000});
  machine.links.beyond.push_back({{Route{{{0, 1}, {2, 1}}, 0}}, Route{{{3, 1}}, 0}, 1});
  machine.offload.beyond.push_back({Storage::ssd, Scope::node, Bytes(10'000'000)});
  machine.offload.promote = false;
  const Workload turns = in_turn(12, 3);
  const SimulationResult slow = simulate(turns, machine);
  CHECK(slow.requests.back().hit_beyond_tokens[0] > 0);
  machine.offload.choice = LoadChoice::recompute;
  CHECK(mean_ttft(slow).count > 5 * mean_ttft(simulate(turns, machine)).count);
  machine.offload.choice = LoadChoice::cheaper;
  CHECK(mean_ttft(simulate(turns, machine)) < mean_ttft(slow));
}

TEST_CASE("a host tier no larger than HBM churns") {
  // Prompts in turn, one more than fit: each is gone from both when it comes again.
  SimulationConfig machine = small_machine(18 * 4, 40'000'000, 4 * 64);
  const SimulationResult r = simulate(in_turn(6, 5), machine);
  CHECK(r.loaded == Bytes(0));
  CHECK(r.stored == Bytes(30 * 64'000));
  CHECK(r.evicted_g2_blocks > 100);
  machine.offload.capacity = Bytes(6 * 64'000);
  CHECK(simulate(in_turn(6, 5), machine).loaded == Bytes(24 * 64'000));
}

TEST_CASE("a tier below an HBM that never fills costs at most 2 % and restores nothing") {
  SimulationConfig machine = small_machine(1000, 40'000'000, 10'000);
  for (int i = 1; i < 4; ++i) machine.step_times[i] = machine.step_times[0].scaled(1 + 0.02 * (i > 1));
  const Workload turns = in_turn(6, 5);
  const SimulationResult with = simulate(turns, machine);
  machine.offload.enabled = false;
  const SimulationResult without = simulate(turns, machine);
  CHECK(with.loaded == Bytes(0));
  CHECK(with.stored > Bytes(0));
  CHECK(mean_ttft(with).count <= mean_ttft(without).count * 102 / 100);
}

TEST_CASE("what host memory evicts goes to the tier beyond, when that is its policy") {
  SimulationConfig machine = small_machine(17, 40'000'000, 16 * 64);
  machine.links.limits.push_back({"read", 20'000'000});
  machine.links.limits.push_back({"write", 40'000'000});
  machine.links.beyond.push_back({{Route{{{0, 1}, {2, 1}}, 0}}, Route{{{3, 1}}, 0}, 1});
  machine.offload.beyond.push_back({Storage::ssd, Scope::node, Bytes(10'000'000), Eviction::lru, StorePolicy::back});
  const SimulationResult few = simulate(in_turn(15, 1), machine);
  CHECK(few.written_beyond == Bytes(0));  // fits, with four of 64 blocks kept free
  const SimulationResult many = simulate(in_turn(24, 2), machine);
  CHECK(many.written_beyond > Bytes(0));
  CHECK(many.requests[24].hit_beyond_tokens[0] == 64);  // the first prompt, long gone from host memory
  CHECK(many.evicted_g2_blocks > 0);
}

TEST_CASE("what drafts take of a step's room and time makes computing again dearer") {
  const auto saved = [](double draft_cost) {
    SimulationConfig machine = small_machine(30, 400'000'000, 512);
    machine.offload.choice = LoadChoice::cheaper;
    if (draft_cost > 0) speculate(machine, 8, 0, draft_cost);
    Load load(16);
    load.turn(ms(0), "abcd", 0, 1);
    load.turn(ms(400), "wxyz", 0, 1);
    load.turn(ms(500), "stuv", 0, 1);
    load.turn(ms(799), "n", 0, 30);  // decodes beside what comes next
    load.turn(ms(803), "abcd", 1, 1);
    const SimulationResult r = simulate(load.build(), machine);
    REQUIRE(r.load_choices.loaded == 1);
    return seconds(r.load_choices.saved_against_recomputing);
  };
  // 65 tokens beside 9 rows take two steps of 64, what is left of them behind a load one: a draft's time more, of 8 passes.
  const double dear = saved(0.5), cheap = saved(0.1);
  CHECK(dear - cheap == Approx(8 * 0.4 * 1.01e-3).epsilon(0.01));
  CHECK(cheap > saved(0));
}

// Fleets of several kinds of replicas: small timelines, to the picosecond.
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// A machine whose steps take `step_ms`, and one of another kind beside it.
SimulationConfig two_kinds(double first_ms, double other_ms, std::int64_t bytes_per_s = 0) {
  SimulationConfig c = small_machine(1000, bytes_per_s, 10'000);
  c.engine.max_num_seqs = 64;
  SimulationConfig other = c;
  for (StepTime& s : c.step_times) s = flat_step(ms(first_ms).count, 0, 0, 0);
  for (StepTime& s : other.step_times) s = flat_step(ms(other_ms).count, 0, 0, 0);
  c.others = {other};
  return c;
}

Workload prompts_apart(int number, double every_ms, const std::string& prompt = "abcd") {
  Load load(16);
  for (int i = 0; i < number; ++i) load.turn(ms(i * every_ms), prompt, 0, 1);
  return load.build();
}

}  // namespace

TEST_CASE("each kind has its own step times, numbered behind the first") {
  const SimulationResult r = simulate(prompts_apart(4, 100), two_kinds(1, 5));
  for (int i = 0; i < 4; ++i) {
    CAPTURE(i);
    CHECK(r.requests[i].replica == static_cast<std::uint32_t>(i % 2));
    CHECK(r.requests[i].prefill == ms(i % 2 == 0 ? 1 : 5));
  }
  CHECK(r.gpu_busy == ms(12));
  CHECK(r.gpu_busy_of_kind == std::vector<TimeSum>{ms(2), ms(10)});
}

TEST_CASE("a cost-aware router fills the fast kind until the slow one answers sooner") {
  SimulationConfig c = two_kinds(1, 3);
  for (SimulationConfig* kind : {&c, &c.others[0]}) kind->engine.max_num_batched_tokens = 64;  // a prompt each step
  Load load(16);
  for (const char* prompt : {"abcd", "efgh", "ijkl", "mnop"}) load.turn(ms(0), prompt, 0, 1);
  const Workload four = load.build();
  c.router.policy = RouterPolicy::cost_aware;
  // Estimates: 1 and 3 ms; 2 and 3; 3 and 3, where the slow one has fewer requests; 3 and 6.
  const SimulationResult aware = simulate(four, c);
  CHECK(aware.gpu_busy_of_kind == std::vector<TimeSum>{ms(3), ms(3)});
  CHECK(aware.requests[2].replica == 1);
  CHECK(aware.requests[3].finish == ms(3));
  c.router.policy = RouterPolicy::least_loaded;
  CHECK(simulate(four, c).requests[3].finish == ms(6));
}

TEST_CASE("what one kind stores in a tier of the fleet, the other loads over its own links") {
  SimulationConfig c = two_kinds(1, 1, 100'000'000);  // a prompt of 64 tokens in 0.64 ms
  for (SimulationConfig* kind : {&c, &c.others[0]}) {
    kind->links.limits.push_back({"store", 100'000'000});
    kind->links.beyond.push_back({{Route{{{2, 1}}, 0}}, Route{{{2, 1}}, 0}, 1});
    kind->offload.beyond.push_back({Storage::remote, Scope::fleet, Bytes(1'000'000)});
  }
  c.others[0].links.limits[2].bytes_per_s = 20'000'000;
  const SimulationResult r = simulate(prompts_apart(2, 100), c);
  CHECK(r.requests[1].replica == 1);
  CHECK(r.requests[1].hit_beyond_tokens[1] == 60);  // all but the last page
  CHECK(r.requests[1].load == ms(3.2));
  CHECK(r.requests[1].hit_g2_tokens == 0);  // each node's own
}

TEST_CASE("a request goes to the kinds that have room for it, and waits for one of these alone") {
  SimulationConfig c = two_kinds(1, 1);
  c.engine.g1_pages = Pages(16);  // 64 tokens
  Load load(16);
  for (int i = 0; i < 3; ++i) load.turn(ms(10 * i), "abcd", 0, 2);
  load.turn(ms(30), "a", 0, 2);
  load.turn(ms(40), "a", 0, 2);
  const Workload turns = load.build();
  const SimulationResult both = simulate(turns, c);
  for (int i = 0; i < 3; ++i) CHECK(both.requests[i].replica == 1);
  CHECK(both.requests[3].replica != both.requests[4].replica);
  c.outages = {{1, ms(5), false, ms(30)}};
  const SimulationResult back = simulate(turns, c);
  CHECK(back.fleet.held == 2);
  CHECK(back.requests[1].finish == ms(37));
  CHECK(back.requests[2].finish == ms(38));  // behind the whole budget of the step that computes their prompt
  CHECK(back.requests[3].replica == 0);
  CHECK(back.fleet.mean_replicas_of_kind[0] == 1.0);
  CHECK(back.fleet.mean_replicas_of_kind[1] < 0.5);
  c.outages = {{1, ms(5)}};
  const SimulationResult gone = simulate(turns, c);
  CHECK(gone.requests[2].refusal == Refusal::unavailable);
  CHECK(gone.requests[4].outcome == Outcome::completed);
  c.others[0].engine.g1_pages = Pages(16);
  CHECK(simulate(turns, c).requests[0].refusal == Refusal::exceeds_memory);
}

TEST_CASE("drains and failures name nodes through all kinds") {
  SimulationConfig c = two_kinds(1, 1);
  c.replicas = 3, c.replicas_per_node = 2;  // nodes 0 and 1; the other kind's is 2
  c.outages = {{2, ms(0.5), true}};
  const SimulationResult r = simulate(prompts_apart(4, 0), c);
  CHECK(r.fleet.drains == 1);
  CHECK(r.requests[3].replica == 3);
  CHECK(r.requests[3].finish == ms(1));
}

// Loads and fleets at the ends of what may be asked for: all audited, all conserved.
#include <set>

#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

void check_conserved(const Workload& load, const SimulationResult& r) {
  for (std::size_t i = 0; i < load.turns.size(); ++i) {
    const RequestRecord& q = r.requests[i];
    REQUIRE(q.outcome == Outcome::completed);
    REQUIRE(q.hit_g1_tokens + q.hit_g2_tokens + q.computed_tokens >= load.turns[i].prompt_tokens);
    REQUIRE(q.frontend + q.queue + q.load + q.prefill == q.first_token - q.arrival);
  }
}

}  // namespace

TEST_CASE("100,000 sessions at one instant are served in their order") {
  Load load(16);
  for (int i = 0; i < 100'000; ++i) load.turn(Time(0), "", 12, 2);
  const Workload w = load.build();
  const SimulationResult r = simulate(w, small_machine(4'000, 1'000'000, 1'000));
  check_conserved(w, r);
  for (std::size_t i = 1; i < r.requests.size(); ++i)
    REQUIRE(r.requests[i - 1].first_token <= r.requests[i].first_token);
}

TEST_CASE("a prompt of a million tokens is computed where it fits, and refused where it does not") {
  for (const std::int64_t pages : {100'000, 300'000}) {
    Load load(1 << 20);
    load.turn(Time(0), "", 1'000'000, 3);
    SimulationConfig c = small_machine(pages);
    c.engine.max_context_tokens = 2'000'000;
    const RequestRecord q = simulate(load.build(), c).requests[0];
    CHECK(q.outcome == (pages == 300'000 ? Outcome::completed : Outcome::refused));
    CHECK(q.computed_tokens == (pages == 300'000 ? 1'000'000 : 0));
  }
}

TEST_CASE("answers of no token end with their prompts, alone, cached in full and under preemption") {
  Load load(16);
  for (int i = 0; i < 40; ++i) load.turn(ms(i / 8), i % 3 == 0 ? "ab" : "abc", i % 5, i % 2 == 0 ? 0 : 30);
  const Workload w = load.build();
  const SimulationResult r = simulate(w, small_machine(40));
  check_conserved(w, r);
  for (std::size_t i = 0; i < w.turns.size(); i += 2) CHECK(r.requests[i].finish == r.requests[i].first_token);
}

TEST_CASE("one replica and ten thousand serve a request alike") {
  Load load(16);
  for (int i = 0; i < 500; ++i) load.turn(ms(i * 100), "a", 3, 5);
  const Workload w = load.build();
  SimulationConfig c = small_machine(100, 1'000'000, 1'000);
  const SimulationResult one = simulate(w, c);
  c.replicas = 10'000;
  const SimulationResult many = simulate(w, c);
  check_conserved(w, one);
  check_conserved(w, many);
  CHECK(one.requests[0].finish == many.requests[0].finish);
  std::set<std::uint32_t> used;
  for (const RequestRecord& q : many.requests) used.insert(q.replica);
  CHECK(used.size() == 500);
}

TEST_CASE("durations as long as the clock never end, and what lasts beyond the clock is refused") {
  const Time late = time_from_seconds(kMostSeconds);
  Load load(16);
  TurnId turn = kNone;
  for (const Time at : {Time(0), late, late + Time(kPsPerS)}) turn = load.turn(at, "abc", 0, 5, turn);
  const Workload w = load.build();
  SimulationConfig c = small_machine(200, 1'000'000, 1'000);
  c.replicas = 2;
  c.retention.duration = late;
  c.router.policy = RouterPolicy::prefix_aware;
  c.router.view = RouterView::snapshot;
  c.router.view_interval = late;
  for (const bool drain : {false, true}) c.outages.push_back({0, late, drain, late});
  for (const Eviction eviction : {Eviction::lru, Eviction::priority, Eviction::session}) {
    c.engine.eviction = c.offload.eviction = eviction;
    check_conserved(w, simulate(w, c));
  }
  c.outages.clear();
  c.scaling = {1, 1, late, late, late};
  check_conserved(w, simulate(w, c));

  Load last(16);
  last.turn(Time::max() - Time(1), "abc", 0, 5);
  CHECK_THROWS_AS(simulate(last.build(), small_machine(200)), InfeasibleError);

  Load tokens(1 << 28);
  tokens.turn(Time(0), "", 200'000'000, 1);
  const Workload long_prompt = tokens.build();
  for (std::int64_t EngineConfig::*front_end :
       {&EngineConfig::frontend_ps_per_token, &EngineConfig::frontend_service_ps_per_token}) {
    SimulationConfig slow = small_machine(200);
    slow.engine.*front_end = kPsPerS / 10;
    CHECK_THROWS_AS(simulate(long_prompt, slow), InfeasibleError);
  }
}

TEST_CASE("replicas are busy for longer together than the clock runs") {
  Load load(16);
  for (int i = 0; i < 20; ++i) load.turn(Time(0), "a", 0, 1);
  SimulationConfig c = small_machine(100);
  c.replicas = 20;
  const std::int64_t step_s = 600'000;
  for (StepTime& s : c.step_times) s.base = PiecewiseLinear({{0, step_s * kPsPerS, 0}});
  const Workload w = load.build();
  const SimulationResult r = simulate(w, c);
  check_conserved(w, r);
  CHECK(seconds(r.gpu_busy) >= 20.0 * static_cast<double>(step_s));
  CHECK(seconds(r.gpu_busy) < 21.0 * static_cast<double>(step_s));
}

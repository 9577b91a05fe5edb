// How a step is composed: decodes and prefills together or apart, prompts in chunks or whole.
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// The steps of small_machine: 1 ms, 10 us a token, 1 ns a token of context, 100 ps a pair.
std::int64_t step_ps(std::int64_t tokens, std::int64_t context, std::int64_t prefill) {
  return kPsPerMs + 10 * kPsPerUs * tokens + kPsPerNs * context + 100 * (prefill * (prefill + 1) / 2);
}

// Two prompts of 48 tokens, the second while the first is being computed; a budget of 64.
SimulationResult two_prompts(StepOrder order, bool whole) {
  Load load(16);
  load.turn(Time(0), "abc", 0, 10);
  load.turn(ms(0.5), "def", 0, 10);
  SimulationConfig c = small_machine(1000);
  c.engine.order = order;
  c.engine.whole_prompts = whole;
  return simulate(load.build(), c);
}

}  // namespace

TEST_CASE("mixed: the second prompt joins the first one's decode") {
  const SimulationResult r = two_prompts(StepOrder::mixed, false);
  const std::int64_t first = step_ps(48, 0, 48), second = first + step_ps(49, 49, 48);
  CHECK(r.requests[0].first_token.count == first);
  CHECK(r.requests[1].first_token.count == second);
}

TEST_CASE("prefill first: decodes wait while a prompt is computed") {
  const SimulationResult r = two_prompts(StepOrder::prefill_first, false);
  const std::int64_t first = step_ps(48, 0, 48), second = first + step_ps(48, 0, 48);
  CHECK(r.requests[0].first_token.count == first);
  CHECK(r.requests[1].first_token.count == second);
  std::int64_t end = second;
  for (int i = 0; i < 9; ++i) end += step_ps(2, 2 * (49 + i), 0);
  CHECK(r.requests[0].finish.count == end);
  CHECK(r.requests[1].finish.count == end);
}

TEST_CASE("whole prompts: what does not fit into the budget waits for the next step") {
  Load load(16);
  load.turn(Time(0), "abc", 0, 10);
  load.turn(Time(0), "def", 0, 10);
  load.turn(Time(0), "", 8, 10);  // would fit, but comes behind
  const Workload w = load.build();
  SimulationConfig c = small_machine(1000);
  // 48 + 16, then 1 + 32 + 8.
  CHECK(simulate(w, c).requests[0].first_token.count == step_ps(64, 0, 48) + 100 * (16 * 17 / 2));
  c.engine.whole_prompts = true;
  const SimulationResult whole = simulate(w, c);
  const std::int64_t first = step_ps(48, 0, 48);
  const std::int64_t second = first + step_ps(1 + 48 + 8, 49, 48) + 100 * (8 * 9 / 2);
  CHECK(whole.requests[0].first_token.count == first);
  CHECK(whole.requests[1].first_token.count == second);
  CHECK(whole.requests[2].first_token.count == second);
}

TEST_CASE("a prompt beyond the whole budget is cut all the same") {
  Load load(16);
  load.turn(Time(0), "abcdefgh", 0, 2);  // 128 tokens, budget 64
  SimulationConfig c = small_machine(1000);
  c.engine.whole_prompts = true;
  const SimulationResult r = simulate(load.build(), c);
  CHECK(r.requests[0].outcome == Outcome::completed);
  CHECK(r.steps == 3);
}

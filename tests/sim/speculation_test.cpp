// Speculative decoding: the exact course of small runs, and the theory's gain.
#include "sim/speculation.hpp"

#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// A step: 1 ms, 10 us a token, 6,400 ps a token of context.
SimulationConfig machine() {
  SimulationConfig c = small_machine(1000);
  for (StepTime& s : c.step_times) s = flat_step(kPsPerMs, 10 * kPsPerUs, 6400, 100);
  return c;
}

Workload one_request(std::int32_t output) {
  Load load(16);
  load.turn(Time(0), "abc", 0, output);
  return load.build();
}

std::int64_t decode_ps(const SimulationResult& r) { return (r.requests[0].finish - r.requests[0].first_token).count; }

}  // namespace

TEST_CASE("all drafts accepted: four tokens a step") {
  SimulationConfig c = machine();
  speculate(c, 3, 1.0, 0.1);
  const SimulationResult r = simulate(one_request(10), c);
  CHECK(r.steps == 1 + 3);  // nine tokens behind the first
  std::int64_t expected = 0;
  for (const std::int64_t context : {49, 53, 57}) {
    expected += kPsPerMs + 4 * 10 * kPsPerUs + 6400 * context;          // the model verifies four tokens
    expected += 3 * (kPsPerMs + 10 * kPsPerUs + 6400 * context) / 10;  // the draft ran three times
  }
  CHECK(decode_ps(r) == expected);
}

TEST_CASE("half of the drafts accepted: a token and a half a step") {
  SimulationConfig c = machine();
  speculate(c, 1, 0.5, 0);
  const SimulationResult r = simulate(one_request(10), c);
  CHECK(r.steps == 1 + 6);
  std::int64_t expected = 0;
  for (int i = 0; i < 6; ++i) expected += kPsPerMs + 2 * 10 * kPsPerUs + 6400 * 49 + 9600 * i;
  CHECK(decode_ps(r) == expected);
}

TEST_CASE("no draft accepted: the pace of plain decoding, at a higher price") {
  SimulationConfig c = machine();
  speculate(c, 2, 0, 0);
  const SimulationResult r = simulate(one_request(10), c);
  CHECK(r.steps == 1 + 9);
  CHECK(decode_ps(r) == decode_ps(simulate(one_request(10), machine())) + 9 * 2 * 10 * kPsPerUs);
}

TEST_CASE("what a sequence takes counts once, however many rows it has in a step") {
  SimulationConfig c = machine();
  for (StepTime& s : c.step_times) {
    s.head = PiecewiseLinear({{0, 0, 30 * kPsPerUs}, {2, 60 * kPsPerUs, 30 * kPsPerUs}});  // 10 us a row of it
    s.sequence_ps = 20 * kPsPerUs;
    s.host_sample_ps = 12 * kPsPerUs;
  }
  speculate(c, 3, 0, 0);
  const std::int64_t verified = kPsPerMs + 4 * (10 + 10) * kPsPerUs + 20 * kPsPerUs + 6400 * 49;
  CHECK(decode_ps(simulate(one_request(2), c)) == verified);
  c.engine.overlap = true;  // the host's 12 us follow the prefill's step, and are hidden behind it
  CHECK(decode_ps(simulate(one_request(2), c)) == verified - 12 * kPsPerUs);
}

TEST_CASE("drafts take their tokens of the budget") {
  Load load(16);
  load.turn(Time(0), "abc", 0, 40);
  load.turn(ms(0.5), "def", 14, 2);  // 62 tokens: fit beside one token of a budget of 64, but not beside four
  const Workload w = load.build();
  SimulationConfig c = machine();
  const auto wait = [&] {
    const SimulationResult r = simulate(w, c);
    return r.requests[1].first_token - r.requests[0].first_token;
  };
  CHECK(wait() < ms(2));  // one step
  speculate(c, 3, 0.5, 0);
  CHECK(wait() > ms(2));  // two
}

// Leviathan et al., theorem 3.8: (1 - a^(k+1)) / ((1 - a) (c k + 1)), where a step costs the same for any batch.
TEST_CASE("the gain is that of the theory") {
  for (const double acceptance : {0.3, 0.6, 0.8, 0.9}) {
    for (const int drafts : {1, 2, 4, 7}) {
      for (const double cost : {0.0, 0.05, 0.2}) {
        SimulationConfig plain = machine();
        plain.engine.max_context_tokens = 1 << 20;
        plain.check = false;
        for (StepTime& s : plain.step_times) s = flat_step(kPsPerMs, 0, 0, 0);
        SimulationConfig c = plain;
        speculate(c, drafts, acceptance, cost);
        const Workload w = one_request(3001);
        double expected = 0, accepted = 1;
        for (int i = 0; i <= drafts; ++i, accepted *= acceptance) expected += accepted;
        const double gain = static_cast<double>(decode_ps(simulate(w, plain))) / static_cast<double>(decode_ps(simulate(w, c)));
        CHECK(gain == Approx(expected / (cost * drafts + 1)).epsilon(0.006));
      }
    }
  }
}

// The host's part of a step hidden behind the step before it.
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// A step: 1 ms, 10 us a token, 2 us a token of context; `host_ps` of it is the host's.
SimulationConfig machine(std::int64_t host_ps) {
  SimulationConfig c = small_machine(1000);
  for (StepTime& s : c.step_times) {
    s = flat_step(kPsPerMs, 10 * kPsPerUs, 2 * kPsPerUs, 100);
    s.host_ps = host_ps;
  }
  c.engine.overlap = true;
  return c;
}

std::int64_t decode_step_ps(std::int64_t context) { return kPsPerMs + 10 * kPsPerUs + 2 * kPsPerUs * context; }

}  // namespace

TEST_CASE("overlap: the first step takes host and device, those behind it the longer of the two") {
  // 0.4 ms: the device is always the longer. 0.56 ms: the host, until the context has grown. 1.05 ms: always the host.
  for (const std::int64_t host_us : {0, 400, 560, 1050}) {
    const std::int64_t host = host_us * kPsPerUs;
    Load load(16);
    load.turn(Time(0), "abc", 0, 20);
    load.turn(ms(500), "xyz", 0, 20);  // after a pause
    const SimulationResult r = simulate(load.build(), machine(host));
    for (const RequestRecord& q : r.requests) {
      const std::int64_t prefill = kPsPerMs + 48 * 10 * kPsPerUs + 100 * (48 * 49 / 2);
      CHECK((q.first_token - q.arrival).count == prefill);
      std::int64_t decode = 0;
      for (int i = 0; i < 19; ++i) decode += std::max(host, decode_step_ps(49 + i) - host);
      CHECK((q.finish - q.first_token).count == decode);
    }
    CHECK(r.events < 14);  // jumped, also where the longer part changes on the way
  }
}

TEST_CASE("overlap is free where the host takes no time") {
  Load load(16);
  for (int i = 0; i < 20; ++i) load.turn(ms(i), std::string(1 + i % 5, 'a'), i % 16, 1 + 7 * i % 30);
  const Workload w = load.build();
  SimulationConfig on = machine(0), off = on;
  off.engine.overlap = false;
  const SimulationResult a = simulate(w, on), b = simulate(w, off);
  for (std::size_t i = 0; i < a.requests.size(); ++i) CHECK(a.requests[i].finish == b.requests[i].finish);
}

// The bounds of a pipeline of loads and layers.
#include <cmath>

#include "base/random.hpp"
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// A prompt of which 64 tokens are in G2 and 40 are new, behind one that has driven it out of G1.
RequestRecord restored(LoadPolicy policy, std::int64_t bytes_per_s, int layers, std::int64_t token_ps) {
  Load load(16);
  load.turn(ms(0), "abcd", 0, 1);
  load.turn(ms(90'000), "tuvwxyz", 0, 1);
  load.turn(ms(180'000), "abcdef", 8, 1);
  SimulationConfig machine = small_machine(29, bytes_per_s, 1000);
  for (StepTime& s : machine.step_times) {
    s = flat_step(kPsPerMs, token_ps, 0, 0);
    s.layers = layers;
  }
  machine.offload.load = policy;
  return simulate(load.build(), machine).requests[2];
}

}  // namespace

TEST_CASE(
    "overlap of loads and layers: never under the longer of the two, never over their sum, less with more layers") {
  RandomStream random(5, "pipelines");
  for (int i = 0; i < 300; ++i) {
    const auto rate = static_cast<std::int64_t>(100'000 * std::exp2(random.unit() * 14));
    const auto token_ps = static_cast<std::int64_t>(kPsPerUs * std::exp2(random.unit() * 10));
    CAPTURE(rate, token_ps);
    const RequestRecord whole = restored(LoadPolicy::blocking, rate, 1, token_ps);
    REQUIRE(whole.hit_g2_tokens == 64);
    const std::int64_t load = whole.load.count, compute = whole.prefill.count;
    CHECK((whole.first_token - whole.arrival).count == load + compute);
    std::int64_t before = load + compute;
    for (const int layers : {1, 2, 8, 64}) {
      const RequestRecord r = restored(LoadPolicy::layerwise, rate, layers, token_ps);
      const std::int64_t took = (r.first_token - r.arrival).count;
      const std::int64_t rounding = 2 * layers;  // of a layer's share to whole picoseconds
      CHECK(took >= std::max(load, compute));
      CHECK(took <= before + rounding);
      CHECK(took <= std::max(load, compute) + ceil_div(std::min(load, compute), layers) + rounding);
      before = took;
    }
  }
}

// Two replicas load over one link; when the shorter load is there, the longer one has the link to itself, and comes
// sooner than it seemed when it began.
TEST_CASE("a step begins when all of its loads are there, at the latest") {
  Load load(16);
  for (int round = 0; round < 2; ++round) {
    load.turn(ms(0 + 90'000 * round), round == 0 ? "ab" : "qrstuvwx", 0, 1);
    load.turn(ms(40'000 + 90'000 * round), round == 0 ? "efgh" : "ijklmnop", 0, 1);
  }
  load.turn(ms(180'000), "ab", 4, 1);
  load.turn(ms(180'000), "efgh", 4, 1);
  SimulationConfig machine = small_machine(33, 1'000'000, 1000);
  machine.engine.max_num_batched_tokens = 256;
  machine.replicas = machine.replicas_per_node = 2;
  machine.links.load.push_back(machine.links.load.front());
  machine.links.store.push_back(machine.links.store.front());
  machine.offload.load = LoadPolicy::layerwise;
  for (StepTime& s : machine.step_times) {
    s = flat_step(kPsPerMs, 0, 0, 0);
    s.layers = 1;
  }
  const SimulationResult r = simulate(load.build(), machine);
  REQUIRE(r.requests[4].replica != r.requests[5].replica);
  REQUIRE(r.requests[5].hit_g2_tokens == 64);
  // 32 kB and 64 kB over 1 MB/s: both halves until 64 ms, and the rest alone.
  CHECK(r.requests[4].first_token - r.requests[4].arrival == ms(64 + 1));
  CHECK(r.requests[5].first_token - r.requests[5].arrival == ms(96 + 1));
}

// More of what theory says: M/G/1 by Pollaczek and Khinchine, and the bounds of a pipeline of loads and layers.
#include <cmath>

#include "base/random.hpp"
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

constexpr int kShort = 5'000, kLong = 55'000;  // tokens, a microsecond each; one prompt in ten is long
constexpr double kMeanS = 0.01, kSquareS2 = 0.9 * 0.005 * 0.005 + 0.1 * 0.055 * 0.055;

// Mean wait in a server of one request at a time, for Poisson arrivals and service of two lengths.
double mean_wait_s(double rho, std::uint64_t seed) {
  constexpr int kTurns = 100'000;
  RandomStream arrivals(seed, "arrivals"), lengths(seed, "lengths");
  Load load(1 << 20);
  double at_s = 0;
  for (int i = 0; i < kTurns; ++i) {
    at_s += arrivals.exponential(kMeanS / rho);
    load.turn(time_from_seconds(at_s), "", lengths.below(10) == 0 ? kLong : kShort, 1);
  }
  SimulationConfig c = small_machine(1'000'000);
  for (StepTime& s : c.step_times) s = flat_step(0, kPsPerUs, 0, 0);
  c.engine.max_num_seqs = 1;
  c.engine.max_num_batched_tokens = c.engine.max_context_tokens = 1'000'000;
  c.check = false;
  double sum = 0;
  for (const RequestRecord& r : simulate(load.build(), c).requests) sum += seconds(r.queue);
  return sum / kTurns;
}

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

TEST_CASE("M/G/1: the mean wait is lambda E[S^2] / (2 (1 - rho)), by Pollaczek and Khinchine") {
  for (const double rho : {0.3, 0.7}) {
    CAPTURE(rho);
    constexpr int kRuns = 8;
    constexpr double kT99 = 3.499;  // Student's t, 7 degrees, two-sided 99 %
    std::vector<double> waits;
    for (std::uint64_t seed = 1; seed <= kRuns; ++seed) waits.push_back(mean_wait_s(rho, seed));
    double mean = 0, squares = 0;
    for (const double w : waits) mean += w / kRuns;
    for (const double w : waits) squares += (w - mean) * (w - mean);
    const double half_width = kT99 * std::sqrt(squares / (kRuns - 1) / kRuns);
    const double theory = rho / kMeanS * kSquareS2 / (2 * (1 - rho));
    CHECK(std::abs(mean - theory) <= half_width);
    CHECK(half_width < 0.1 * theory);
  }
}

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

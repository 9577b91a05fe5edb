// Hit rates that theory knows: independent references to blocks of unequal popularity, under LRU.
//
// Che, Tung, Wang (2002): block i is a hit with probability 1 - exp(-p_i T), where T, the same for all blocks, solves
// sum over i of that = capacity. Fricker, Robert, Roberts (2012) show why it is nearly exact for as few as tens of
// blocks. Here a reference is a prompt of one block and a tail, the simulator's G1 is the cache.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.hpp"
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

std::vector<double> zipf(std::size_t blocks, double exponent) {
  std::vector<double> p(blocks);
  for (std::size_t i = 0; i < blocks; ++i) p[i] = std::pow(static_cast<double>(i + 1), -exponent);
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

double che(const std::vector<double>& p, double capacity) {
  const auto held = [&](double t) {
    double sum = 0;
    for (double x : p) sum += 1 - std::exp(-x * t);
    return sum;
  };
  double low = 0, high = 1;
  while (held(high) < capacity) high *= 2;
  for (int i = 0; i < 100; ++i) (held((low + high) / 2) < capacity ? low : high) = (low + high) / 2;
  double hits = 0;
  for (double x : p) hits += x * (1 - std::exp(-x * low));
  return hits;
}

// Prompts of one block of 32 tokens, one after the other: the block is all that G1 ever holds of them.
Workload references(const std::vector<double>& p, int turns) {
  Workload w;
  w.block_tokens = 32;
  w.parent_of_block.assign(p.size(), kNone);
  w.tokens_of_block.assign(p.size(), w.block_tokens);
  std::vector<double> until(p.size());
  std::partial_sum(p.begin(), p.end(), until.begin());
  RandomStream draws(11, "references");
  for (int i = 0; i < turns; ++i) {
    const auto block = std::upper_bound(until.begin(), until.end() - 1, draws.unit()) - until.begin();
    Turn t;
    t.arrival.time = Time(i * kPsPerS);
    t.prompt_tokens = w.block_tokens;
    t.output_tokens = 1;
    t.first_block = static_cast<std::uint32_t>(w.prompt_blocks.size());
    t.block_count = 1;
    w.prompt_blocks.push_back(static_cast<BlockId>(block));
    w.turns.push_back(t);
  }
  w.session_count = static_cast<std::uint32_t>(turns);
  return w;
}

}  // namespace

TEST_CASE("the hit rate of independent references is Che's") {
  constexpr int kTurns = 40'000, kWarmUp = 10'000;
  for (double exponent : {0.6, 1.0}) {
    const auto p = zipf(400, exponent);
    const Workload load = references(p, kTurns);
    for (int blocks : {20, 100, 250}) {
      SimulationConfig c = small_machine(2 * blocks);
      c.check = false;
      c.engine.page_tokens = 16;
      const SimulationResult r = simulate(load, c);
      // Of a prompt that is cached in full, the last page is computed again.
      const auto hits = std::count_if(r.requests.begin() + kWarmUp, r.requests.end(),
                                      [](const RequestRecord& q) { return q.hit_g1_tokens == 16; });
      CAPTURE(exponent, blocks);
      CHECK(static_cast<double>(hits) / (kTurns - kWarmUp) == Approx(che(p, blocks)).margin(0.01));
    }
  }
}

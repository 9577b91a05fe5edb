// What queueing theory and an independent cache model say must come out.
#include <cmath>

#include "base/random.hpp"
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"
#include "traces/stack_distance.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// A server of one request at a time whose service takes 1 us a prompt token.
SimulationConfig single_server() {
  SimulationConfig c = small_machine(1'000'000);
  for (StepTime& s : c.step_times) s = flat_step(0, kPsPerUs, 0, 0);
  c.engine.max_num_seqs = 1;
  c.engine.max_num_batched_tokens = 1'000'000;
  c.engine.max_context_tokens = 1'000'000;
  c.check = false;
  return c;
}

Workload poisson_load(int turns, double utilisation, double mean_tokens, bool exponential_service) {
  RandomStream arrivals(7, "arrivals"), lengths(7, "lengths");
  Load load(1 << 20);
  double at_s = 0;
  for (int i = 0; i < turns; ++i) {
    at_s += arrivals.exponential(mean_tokens * 1e-6 / utilisation);
    load.turn(time_from_seconds(at_s), "",
              exponential_service ? 1 + static_cast<std::int32_t>(lengths.exponential(mean_tokens))
                                  : static_cast<std::int32_t>(mean_tokens),
              1);
  }
  return load.build();
}

}  // namespace

TEST_CASE("a front end that takes one request after the other is a queue of its own") {
  SimulationConfig c = small_machine(1'000'000);
  for (StepTime& s : c.step_times) s = flat_step(0, 1, 0, 0);
  c.engine.max_num_batched_tokens = 1'000'000;
  c.check = false;
  c.engine.frontend_fixed = ms(3);
  c.engine.frontend_service_fixed = ms(4);
  c.engine.frontend_service_ps_per_token = 6 * kPsPerUs / 10;  // 10,000 tokens: 6 ms more
  for (const double rho : {0.3, 0.8}) {
    const SimulationResult r = simulate(poisson_load(400'000, rho, 10'000, false), c);
    double mean = 0;
    for (const RequestRecord& q : r.requests) mean += seconds(q.frontend) / static_cast<double>(r.requests.size());
    CHECK(mean == Approx(0.013 + rho * 0.01 / (2 * (1 - rho))).epsilon(0.02));
  }
}

TEST_CASE("Little's law: mean number in the system = arrival rate x mean time in it") {
  const SimulationResult r = simulate(poisson_load(20'000, 0.7, 10'000, true), single_server());
  double area = 0, sojourn = 0;
  std::vector<std::pair<Time, int>> changes;
  for (const RequestRecord& q : r.requests) {
    changes.push_back({q.arrival, 1});
    changes.push_back({q.finish, -1});
    sojourn += seconds(q.finish - q.arrival);
  }
  std::sort(changes.begin(), changes.end());
  int in_system = 0;
  Time last{0};
  for (const auto& [at, change] : changes) {
    area += in_system * seconds(at - last);
    in_system += change;
    last = at;
    REQUIRE(in_system >= 0);
  }
  CHECK(area == Approx(sojourn).epsilon(1e-9));
}

TEST_CASE("requests one at a time see exact LRU: the paged cache equals stack distances at every capacity") {
  RandomStream random(3, "prompts");
  Load load(16);
  std::vector<std::string> prompts;
  for (int i = 0; i < 300; ++i) {
    std::string prompt = prompts.empty() ? "" : prompts[random.below(prompts.size())];
    prompt.resize(random.below(prompt.size() + 1));
    for (std::uint64_t n = random.below(5); n > 0 && prompt.size() < 12; --n) prompt += static_cast<char>('a' + random.below(4));
    load.turn(Time(i * 10 * kPsPerS), prompt, 0, 1);
    prompts.push_back(prompt);
  }
  Workload w = load.build();
  // A last block of its own keeps every prompt from being a full hit (whose last page is computed again).
  for (Turn& t : w.turns) {
    const std::vector<BlockId> blocks(w.blocks(t).begin(), w.blocks(t).end());
    t.first_block = static_cast<std::uint32_t>(w.prompt_blocks.size());
    w.prompt_blocks.insert(w.prompt_blocks.end(), blocks.begin(), blocks.end());
    w.parent_of_block.push_back(blocks.empty() ? kNone : blocks.back());
    w.prompt_blocks.push_back(w.block_count());
    w.tokens_of_block.push_back(16);
    t.block_count = static_cast<std::uint32_t>(blocks.size()) + 1;
    t.prompt_tokens += 16;
  }
  const HitCurve curve = lru_hit_curve(w, TouchOrder::tail_to_head);
  for (std::int64_t blocks = 13; blocks < 200; blocks += 7) {
    SimulationConfig c = small_machine(blocks * 4);
    c.engine.max_context_tokens = 1 << 20;
    // No more than one request's blocks and pages at a time; a spare page would change the capacity.
    c.engine.max_num_batched_tokens = 4096;
    const SimulationResult r = simulate(w, c);
    std::int64_t hits = 0;
    for (const RequestRecord& q : r.requests) hits += q.hit_g1_tokens;
    CHECK(hits == static_cast<std::int64_t>(std::llround(curve.token_hit_rate(blocks) * curve.prompt_tokens)));
  }
}

TEST_CASE("twice the time: doubled arrivals and step times double every instant") {
  RandomStream random(11, "metamorphic");
  Load once(16), twice(16);
  Time at{0};
  for (int i = 0; i < 60; ++i) {
    at += Time(static_cast<std::int64_t>(random.below(30)) * kPsPerMs);
    std::string prompt;
    for (std::uint64_t n = 1 + random.below(5); n > 0; --n) prompt += static_cast<char>('a' + random.below(2));
    const auto tail = static_cast<std::int32_t>(random.below(16)), output = static_cast<std::int32_t>(1 + random.below(40));
    once.turn(at, prompt, tail, output);
    twice.turn(at * 2, prompt, tail, output);
  }
  SimulationConfig c = small_machine(60, 2'000'000, 400), slow = small_machine(60, 1'000'000, 400);
  for (StepTime& s : slow.step_times) s = flat_step(2 * kPsPerMs, 20 * kPsPerUs, 2 * kPsPerNs, 200);
  const SimulationResult a = simulate(once.build(), c), b = simulate(twice.build(), slow);
  for (std::size_t i = 0; i < a.requests.size(); ++i) {
    CHECK(b.requests[i].first_token.count == 2 * a.requests[i].first_token.count);
    CHECK(b.requests[i].finish.count == 2 * a.requests[i].finish.count);
    CHECK(b.requests[i].hit_g2_tokens == a.requests[i].hit_g2_tokens);
  }
}

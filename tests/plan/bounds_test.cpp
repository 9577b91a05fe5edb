// No simulated fleet ever does with less than the bounds say: random loads and machines.
#include "plan/bounds.hpp"

#include "base/random.hpp"
#include "sim/simulation.hpp"
#include "sim/speculation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// Sessions that grow, with think times; some share their beginning with others. They begin at any time.
Workload sessions(RandomStream& r) {
  Load load(16);
  const double origin_ms = r.chance(0.5) ? static_cast<double>(r.below(100'000)) : 0;
  for (int s = 0; s < 12; ++s) {
    std::string prompt = r.chance(0.3) ? "sh" : std::string(1, static_cast<char>('A' + s));
    TurnId before = kNone;
    const int turns = 1 + static_cast<int>(r.below(7));
    for (int t = 0; t < turns; ++t) {
      for (std::uint64_t n = 1 + r.below(6); n > 0; --n) prompt += static_cast<char>('a' + r.below(20));
      const auto output = static_cast<std::int32_t>(1 + r.below(30));
      const Time at =
          before == kNone ? ms(origin_ms + static_cast<double>(r.below(400))) : ms(static_cast<double>(r.below(200)));
      before = load.turn(at, prompt + static_cast<char>('0' + s % 10), static_cast<std::int32_t>(r.below(16)), output,
                         before, before);
      prompt = prompt + static_cast<char>('0' + s % 10);
    }
  }
  Workload w = load.build();
  w.output_blocks.clear();
  for (Turn& t : w.turns) t.first_output_block = t.output_block_count = 0;
  return w;
}

SimulationConfig machine(RandomStream& r) {
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(r.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  SimulationConfig c = small_machine(pick(180, 700), r.chance(0.6) ? pick(1, 100) * 500'000 : 0, pick(100, 3000));
  c.replicas = static_cast<std::int32_t>(pick(1, 3));
  c.replicas_per_node = static_cast<std::int32_t>(pick(1, c.replicas));
  c.engine.max_num_seqs = static_cast<std::int32_t>(pick(1, 8));
  c.engine.max_num_batched_tokens = static_cast<std::int32_t>(pick(8, 80));
  c.offload.load = static_cast<LoadPolicy>(pick(0, 1));
  c.offload.scope = static_cast<Scope>(pick(0, 2));
  c.offload.by_replica = r.chance(0.5);
  c.router.policy = static_cast<RouterPolicy>(pick(0, 1));
  c.engine.overlap = r.chance(0.3);
  const std::int64_t host_ps = pick(0, 100) * kPsPerMs / 100, host_sample_ps = pick(0, 5) * kPsPerUs;
  for (StepTime& s : c.step_times) {
    s.head = PiecewiseLinear({{0, 0, 5 * kPsPerUs}});
    s.host_ps = host_ps, s.host_sample_ps = host_sample_ps;
  }
  if (r.chance(0.3)) {
    const auto drafts = static_cast<std::int32_t>(pick(1, 6));
    c.engine.max_num_batched_tokens = std::max(c.engine.max_num_batched_tokens, c.engine.max_num_seqs * (1 + drafts));
    speculate(c, drafts, r.unit(), 0.2 * r.unit());
  }
  if (c.offload.enabled) {
    c.links.load.assign(static_cast<std::size_t>(c.replicas_per_node), c.links.load[0]);
    c.links.store.assign(static_cast<std::size_t>(c.replicas_per_node), c.links.store[0]);
  }
  return c;
}

}  // namespace

TEST_CASE("work, time and latencies of a run are never below the bounds") {
  RandomStream r(5, "bounds");
  Slo slo;
  for (const double q : {0.5, 0.95}) {
    slo.latencies.push_back({Latency::ttft, Statistic::quantile, q, 1});
    slo.latencies.push_back({Latency::tpot, Statistic::quantile, q, 1});
  }
  slo.latencies.push_back({Latency::e2e, Statistic::mean, 0, 1});
  double tightest = 0;
  for (int i = 0; i < 300; ++i) {
    CAPTURE(i);
    const Workload w = sessions(r);
    const SimulationConfig c = machine(r);
    const SimulationResult result = simulate(w, c);
    const LoadFacts facts = facts_of(w, most_tokens_of(c));
    Time first = Time::max(), last{0};
    for (const RequestRecord& q : result.requests) {
      if (q.outcome == Outcome::completed) first = std::min(first, q.arrival), last = std::max(last, q.finish);
    }
    const double time_s = seconds(last - first);
    CHECK(time_at_pace(w, {0, 0, std::nullopt}, most_tokens_of(c)).value() <= time_s);
    const Bounds bounds(facts, machine_of(c), time_s);
    const double busy_s = seconds(result.gpu_busy), work_s = bounds.work_s(c.replicas);
    CHECK(work_s <= busy_s);
    CHECK(bounds.least_replicas(1000).value_or(1001) <= c.replicas);
    tightest = std::max(tightest, work_s / busy_s);
    const TurnId from = static_cast<TurnId>(r.below(w.turns.size() / 2));
    const std::vector<Estimated> measured = measure(latency_samples(w, result, from, slo), slo, 0.9);
    const std::vector<double> alone = bounds.alone(slo, w, from);
    for (std::size_t k = 0; k < alone.size(); ++k) CHECK(alone[k] <= measured[k].value);
  }
  CHECK(tightest > 0.6);  // and the bounds say something
}

TEST_CASE("the bound on hits sees think times: no cache is large enough to keep what nobody can hold") {
  // One session of two turns with 10 s between: the second hits only what stays for 10 s.
  Load load(16);
  const TurnId first = load.turn(Time(0), "abcdefgh", 0, 1);
  load.turn(ms(10'000), "abcdefghi", 0, 1, first, first);
  const Workload w = load.build();
  const LoadFacts facts = facts_of(w, 1 << 20);
  CHECK(facts.turns[1].reused == 128);
  CHECK(facts.turns[1].computed == 16);
  SimulationConfig c = small_machine(1000);
  Machine m = machine_of(c);
  const double whole = Bounds(facts, m, 100.0).work_s(1);
  m.g1_tokens = 4;  // 4 tokens x 100 s of space, and 128 x 10 s are wanted
  CHECK(Bounds(facts, m, 100.0).work_s(1) > whole);
}

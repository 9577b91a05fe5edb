// Conversations with long histories on four replicas: what each router knows shows in its hits.
#include "base/random.hpp"
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// 24 at a time, each turn with the history of those before.
Workload conversations() {
  RandomStream r(9, "conversations");
  Load load(16);
  std::vector<std::pair<std::string, TurnId>> open;
  for (int i = 0; i < 600; ++i) {
    if (open.size() < 24) open.push_back({std::string(1, static_cast<char>(64 + i % 60)) + std::to_string(i), kNone});
    auto& [prompt, before] = open[r.below(open.size())];
    for (int n = 0; n < 3; ++n) prompt += static_cast<char>('a' + r.below(26));
    before = load.turn(ms(static_cast<double>(i) * 4), prompt, 5, 12, before);
    if (prompt.size() > 24) open.erase(open.begin() + static_cast<std::ptrdiff_t>(r.below(open.size())));
  }
  return load.build();
}

double hit_rate(const Workload& w, const SimulationConfig& c) {
  const SimulationResult r = simulate(w, c);
  double hits = 0, tokens = 0;
  for (const RequestRecord& q : r.requests) hits += q.hit_g1_tokens, tokens += w.turns[q.turn].prompt_tokens;
  return hits / tokens;
}

SimulationConfig fleet(RouterPolicy policy, std::int32_t replicas = 4) {
  SimulationConfig c = small_machine(1500);
  c.replicas = replicas;
  c.router.policy = policy;
  c.check = false;
  return c;
}

double rate_of_view(const Workload& w, RouterView view, Time interval_or_ttl) {
  SimulationConfig c = fleet(RouterPolicy::prefix_aware);
  c.router.view = view;
  c.router.view_interval = c.router.view_ttl = interval_or_ttl;
  return hit_rate(w, c);
}

}  // namespace

TEST_CASE("routers that know prefixes or sessions hit more than those that see queues alone") {
  const Workload w = conversations();
  const auto rate = [&](RouterPolicy p) { return hit_rate(w, fleet(p)); };
  const double blind = std::max({rate(RouterPolicy::round_robin), rate(RouterPolicy::random),
                                 rate(RouterPolicy::power_of_two), rate(RouterPolicy::least_loaded)});
  for (const RouterPolicy p :
       {RouterPolicy::weighted, RouterPolicy::session_affinity, RouterPolicy::prefix_aware, RouterPolicy::cost_aware}) {
    CAPTURE(static_cast<int>(p));
    CHECK(rate(p) > blind + 0.1);
  }
}

TEST_CASE("the older the view of a prefix-aware router, the fewer hits") {
  const Workload w = conversations();
  const double exact = rate_of_view(w, RouterView::exact, Time(0)),
               fresh = rate_of_view(w, RouterView::snapshot, ms(2)),
               old = rate_of_view(w, RouterView::snapshot, ms(200)),
               none = rate_of_view(w, RouterView::snapshot, ms(1e6));
  CAPTURE(exact, fresh, old, none);
  CHECK(exact >= fresh);
  CHECK(fresh > old + 0.02);
  CHECK(old > none + 0.02);
  CHECK(none == Approx(hit_rate(w, fleet(RouterPolicy::least_loaded))));
  const double for_ever = rate_of_view(w, RouterView::routed, Time::max()),
               forgets = rate_of_view(w, RouterView::routed, ms(20));
  CHECK(for_ever > forgets + 0.02);
  CHECK(exact >= for_ever - 0.02);
}

TEST_CASE("on one replica all routers are the same") {
  const Workload w = conversations();
  const Time end = simulate(w, fleet(RouterPolicy::round_robin, 1)).end;
  for (int p = 1; p <= static_cast<int>(RouterPolicy::cost_aware); ++p) {
    CAPTURE(p);
    CHECK(simulate(w, fleet(static_cast<RouterPolicy>(p), 1)).end == end);
  }
}

TEST_CASE("the cost-aware router leaves a prefix behind when waiting for it costs more") {
  SimulationConfig c = fleet(RouterPolicy::cost_aware, 2);
  for (StepTime& s : c.step_times) s = flat_step(kPsPerMs, 10 * kPsPerUs, 0, 0);
  c.engine.max_num_batched_tokens = 64;
  Load load(16);
  load.turn(ms(0), "abcdefgh", 0, 1);  // 128 tokens on replica 0
  load.turn(ms(100), "abcdefghi", 0, 1);
  load.turn(ms(200), std::string(200, 'z'), 0, 1);  // keeps replica 0 busy for 50 steps of 1.64 ms
  load.turn(ms(201), "abcdefghij", 0, 1);           // 16 tokens behind that, or 160 on replica 1
  const SimulationResult r = simulate(load.build(), c);
  CHECK(r.requests[0].replica == 0);
  CHECK(r.requests[1].replica == 0);
  CHECK(r.requests[1].hit_g1_tokens == 128);
  CHECK(r.requests[2].replica == 0);
  CHECK(r.requests[3].replica == 1);
}

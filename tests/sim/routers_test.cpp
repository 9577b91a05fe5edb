// Sessions with long histories on four replicas: what each router knows shows in its hits.
#include "base/random.hpp"
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

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
  Workload w = load.build();
  // Sessions as a trace would have them.
  w.session_count = 0;
  for (Turn& t : w.turns) t.session = t.continues == kNone ? w.session_count++ : w.turns[t.continues].session;
  return w;
}

double hit_rate(const Workload& w, RouterPolicy policy, std::int64_t pages) {
  SimulationConfig c = small_machine(pages);
  c.replicas = 4;
  c.router.policy = policy;
  const SimulationResult r = simulate(w, c);
  double hits = 0, tokens = 0;
  for (const RequestRecord& q : r.requests) hits += q.hit_g1_tokens, tokens += w.turns[q.turn].prompt_tokens;
  return hits / tokens;
}

}  // namespace

TEST_CASE("routers that know prefixes or sessions hit more than those that see queues alone") {
  const Workload w = conversations();
  const auto rate = [&](RouterPolicy p) { return hit_rate(w, p, 1500); };
  const double blind = std::max(rate(RouterPolicy::round_robin), rate(RouterPolicy::least_loaded));
  CHECK(rate(RouterPolicy::weighted) > blind + 0.1);
  CHECK(rate(RouterPolicy::session_affinity) > blind + 0.1);
  CHECK(rate(RouterPolicy::prefix_approximate) > blind + 0.1);
}

TEST_CASE("on one replica all routers are the same") {
  const Workload w = conversations();
  SimulationConfig c = small_machine(1500);
  const Time end = simulate(w, c).end;
  for (const RouterPolicy p : {RouterPolicy::weighted, RouterPolicy::least_loaded, RouterPolicy::session_affinity,
                               RouterPolicy::prefix_approximate}) {
    c.router.policy = p;
    CHECK(simulate(w, c).end == end);
  }
}

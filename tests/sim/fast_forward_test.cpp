// Jumping over unchanged batches gives what stepping one by one gives, to the
// picosecond, in every mode; and on the way no book is ever out of balance
// (config.check audits after each event). Scenarios are small and tight, so
// that eviction, preemption, loads in mid-flight and shared prefixes all occur.
#include <sstream>

#include <rapidcheck.h>

#include "sim/layout.hpp"
#include "sim/simulation.hpp"
#include "sim/speculation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/cost_model_executor.hpp"
#include "tests/sim/small.hpp"
#include "tests/twin/rapid_dice.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

int pick(int low, int high) { return *rc::gen::inRange(low, high + 1); }

Workload random_load() {
  Load load(16);
  const int turns = pick(1, 25);
  Time at{0};
  std::vector<std::string> prompts;
  for (int i = 0; i < turns; ++i) {
    at += Time(pick(0, 40) * kPsPerMs / 4);
    std::string prompt = prompts.empty() || pick(0, 2) == 0 ? "" : prompts[pick(0, static_cast<int>(prompts.size()) - 1)];
    if (pick(0, 3) == 0 && !prompt.empty()) prompt.resize(pick(0, static_cast<int>(prompt.size())));
    for (int n = pick(prompt.empty() ? 1 : 0, 8); n > 0; --n) prompt += static_cast<char>('a' + pick(0, 2));
    const TurnId after = i > 0 && pick(0, 4) == 0 ? pick(0, i - 1) : kNone;
    load.turn(after == kNone ? at : Time(pick(0, 20) * kPsPerMs), prompt, pick(0, 15), pick(0, 40), kNone, after);
    prompts.push_back(prompt);
  }
  return load.build();
}

void add_storage(SimulationConfig& c) {
  const auto read = static_cast<std::uint32_t>(c.links.limits.size());
  c.links.limits.push_back({"read", pick(1, 100) * 100'000});
  c.links.limits.push_back({"write", pick(1, 100) * 100'000});
  const Route load{{{0, 1}, {read, 1}}, pick(0, 1) * 50 * kPsPerUs};
  c.links.beyond.push_back({std::vector<Route>(c.replicas_per_node, load), Route{{{read + 1, 1}}, 0}, 1});
  const auto tier = c.offload.beyond.size();
  if (c.offload.prefetch) c.links.beyond.back().prefetch.assign(c.replicas_per_node, Route{{{read, 1}}, 0});
  c.offload.beyond.push_back({static_cast<Storage>(tier), static_cast<Scope>(pick(0, 2)), Bytes(pick(16, 2000) * 1000)});
  c.offload.beyond.back().eviction = static_cast<Eviction>(pick(0, 7));
  c.offload.beyond.back().store = static_cast<StorePolicy>(tier == 0 ? pick(0, 2) : 2 * pick(0, 1));
}

void add_busy_limits(NodeLinks& links) {
  for (std::uint32_t r = 0; r < links.load.size(); ++r) {
    const auto limit = static_cast<std::uint32_t>(links.limits.size());
    const std::int64_t alone = rate_alone(links, links.load[r]);
    links.limits.push_back({"beside steps", alone});
    links.busy.push_back({limit, r, std::max<std::int64_t>(1, alone * pick(1, 10) / 10)});
    for (Route* route : {&links.load[r], &links.store[r]}) route->uses.push_back({limit, 1});
    for (NodeLinks::Beyond& tier : links.beyond) tier.load[r].uses.push_back({limit, 1});
  }
}

void add_changes(SimulationConfig& c) {
  const Layout layout(c);
  for (int outages = pick(0, 1) * pick(0, 3); outages > 0; --outages) {
    const Time down = pick(0, 3) == 0 ? Time::max() : Time(pick(0, 60) * kPsPerMs);
    const auto node = static_cast<std::uint32_t>(pick(0, static_cast<int>(layout.nodes()) - 1));
    c.outages.push_back({node, Time(pick(0, 400) * kPsPerMs / 4), pick(0, 1) == 1, down});
  }
  if (c.others.empty() && pick(0, 3) == 0) {
    c.scaling = {pick(1, c.replicas), pick(1, 4), Time(pick(1, 40) * kPsPerMs / 2),
                 Time(pick(0, 30) * kPsPerMs), Time(pick(0, 60) * kPsPerMs)};
  }
}

SimulationConfig random_machine() {
  SimulationConfig c = small_machine(pick(12, 120), pick(0, 1) ? pick(1, 200) * 100'000 : 0, pick(16, 600) * pick(1, 8));
  c.replicas = pick(1, 3);
  c.replicas_per_node = pick(1, c.replicas);
  c.engine.max_num_seqs = pick(1, 6);
  c.engine.max_num_batched_tokens = pick(c.engine.max_num_seqs, 80);
  c.engine.order = static_cast<StepOrder>(pick(0, 1));
  c.engine.whole_prompts = pick(0, 1);
  c.engine.overlap = pick(0, 1);
  c.engine.frontend_ps_per_token = pick(0, 1) * 1000;
  c.engine.frontend_service_fixed = Time(pick(0, 1) * pick(0, 20) * kPsPerMs);
  c.offload.store = static_cast<StorePolicy>(pick(0, 2));
  c.offload.load = static_cast<LoadPolicy>(pick(0, 2));
  c.offload.scope = static_cast<Scope>(pick(0, 2));
  c.offload.chunk_tokens = pick(1, 2) * 16;
  c.offload.choice = static_cast<LoadChoice>(pick(0, 3));
  c.offload.defer_stores = pick(0, 1);
  c.offload.eviction = static_cast<Eviction>(pick(0, 7));
  const Eviction in_hbm[] = {Eviction::lru, Eviction::lfu, Eviction::priority, Eviction::session, Eviction::belady};
  c.engine.eviction = in_hbm[pick(0, 4)];
  if (pick(0, 1)) c.retention.duration = Time(pick(1, 100) * kPsPerMs);
  c.router.policy = static_cast<RouterPolicy>(pick(0, 7));
  c.router.view = static_cast<RouterView>(pick(0, 2));
  c.router.view_interval = Time(pick(1, 100) * kPsPerMs / 4);
  if (pick(0, 1)) c.router.view_ttl = Time(pick(1, 100) * kPsPerMs);
  c.router.cache_threshold = pick(0, 5) / 10.0;
  c.router.balance_requests = pick(0, 4);
  if (pick(0, 1)) {
    const std::int64_t wait_ps = pick(0, 1) * 700 * kPsPerUs;
    for (int i = 1; i < 4; ++i) c.step_times[i] = c.step_times[0].scaled(1.0 + 0.05 * i).delayed(i * wait_ps);
  }
  // The host's part can be the longer one, at first or always.
  for (StepTime& s : c.step_times) s.host_ps = pick(0, 9) * 100 * kPsPerUs, s.host_sample_ps = pick(0, 1) * 10 * kPsPerUs;
  if (pick(0, 2) == 0) {
    const int drafts = pick(1, 4);
    c.engine.max_num_batched_tokens = std::max(c.engine.max_num_batched_tokens, c.engine.max_num_seqs * (1 + drafts));
    speculate(c, drafts, pick(0, 10) / 10.0, pick(0, 5) / 10.0);
  }
  if (c.offload.enabled) {
    const Route load = c.links.load[0], store = c.links.store[0];
    c.links.load.assign(c.replicas_per_node, load);
    c.links.store.assign(c.replicas_per_node, store);
    for (Route& r : c.links.load) r.segment_ps = pick(0, 1) * 100 * kPsPerUs;
    if (pick(0, 2) == 0) {
      for (Route& r : c.links.load) {
        r.submission_ps = {30 * kPsPerUs, 40 * kPsPerUs, 90 * kPsPerUs};
        r.latency_ps = pick(0, 50) * kPsPerUs;
        r.ramp_fs_per_byte = {pick(0, 9) * 1'000'000'000ll, 1'000'000'000ll};
      }
      c.offload.load_segment = Bytes(std::max<std::int64_t>(1, c.offload.segment.count / 3));
    }
    c.offload.promote = pick(0, 1);
    c.offload.prefetch = pick(0, 1);
    c.offload.prefetch_tokens = pick(1, 40);
    for (int tiers = pick(0, 2); tiers > 0; --tiers) add_storage(c);
    if (pick(0, 1)) add_busy_limits(c.links);
  }
  RapidDice dice;
  if (pick(0, 1)) random_kinds(dice, c);
  add_changes(c);
  return c;
}

void expect_same(const SimulationResult& a, const SimulationResult& b) {
  RC_ASSERT(a.requests.size() == b.requests.size());
  for (std::size_t i = 0; i < a.requests.size(); ++i) {
    const RequestRecord &x = a.requests[i], &y = b.requests[i];
    RC_ASSERT(x.replica == y.replica && x.outcome == y.outcome && x.refusal == y.refusal);
    RC_ASSERT(x.arrival.count == y.arrival.count);
    RC_ASSERT(x.first_token.count == y.first_token.count);
    RC_ASSERT(x.finish.count == y.finish.count);
    RC_ASSERT(x.queue == y.queue && x.load == y.load && x.prefill == y.prefill && x.recompute == y.recompute);
    RC_ASSERT(x.hit_g1_tokens == y.hit_g1_tokens && x.hit_g2_tokens == y.hit_g2_tokens);
    for (int t : {0, 1}) RC_ASSERT(x.hit_beyond_tokens[t] == y.hit_beyond_tokens[t]);
    RC_ASSERT(x.computed_tokens == y.computed_tokens && x.recomputed_tokens == y.recomputed_tokens);
    RC_ASSERT(x.preemptions == y.preemptions && x.requeues == y.requeues);
  }
  RC_ASSERT(a.steps == b.steps && a.preemptions == b.preemptions);
  RC_ASSERT(a.evicted_g1_blocks == b.evicted_g1_blocks && a.evicted_g2_blocks == b.evicted_g2_blocks);
  RC_ASSERT(a.loaded == b.loaded && a.stored == b.stored && a.skipped_stores == b.skipped_stores);
  for (int i : {0, 1}) RC_ASSERT(a.evicted_beyond_blocks[i] == b.evicted_beyond_blocks[i]);
  RC_ASSERT(a.written_beyond == b.written_beyond && a.prefetched == b.prefetched);
  for (int i : {0, 1, 2}) RC_ASSERT(a.written[i] == b.written[i] && a.read[i] == b.read[i]);
  const LoadChoices &p = a.load_choices, &q = b.load_choices;
  RC_ASSERT(p.loaded == q.loaded && p.recomputed == q.recomputed && p.partial == q.partial);
  RC_ASSERT(p.recomputed_tokens == q.recomputed_tokens && p.saved_against_loading == q.saved_against_loading);
  RC_ASSERT(p.saved_against_recomputing == q.saved_against_recomputing);
  RC_ASSERT(a.gpu_busy == b.gpu_busy && a.gpu_waiting_for_load == b.gpu_waiting_for_load);
  RC_ASSERT(a.end == b.end && a.gpu_busy_of_kind == b.gpu_busy_of_kind);
  const FleetHistory &f = a.fleet, &g = b.fleet;
  RC_ASSERT(f.mean_replicas == g.mean_replicas && f.mean_replicas_of_kind == g.mean_replicas_of_kind);
  RC_ASSERT(f.failures == g.failures && f.drains == g.drains);
  RC_ASSERT(f.started == g.started && f.stopped == g.stopped && f.requeued == g.requeued);
  RC_ASSERT(f.lost_tokens == g.lost_tokens && f.held == g.held);
}

std::string describe(const Workload& w, const SimulationConfig& c) {
  std::ostringstream text;
  for (const Turn& t : w.turns) {
    text << "turn at " << t.arrival.time.count / kPsPerMs << " ms after " << static_cast<int>(t.arrival.after) << ":";
    for (BlockId b : w.blocks(t)) text << " " << b;
    text << ", " << t.prompt_tokens << " + " << t.output_tokens << " tokens\n";
  }
  text << c.replicas << " replicas, " << c.replicas_per_node << " a node, pages " << c.engine.g1_pages.count << ", seqs "
       << c.engine.max_num_seqs << ", order " << static_cast<int>(c.engine.order) << ", whole " << c.engine.whole_prompts
       << ", overlap " << c.engine.overlap << ", drafts " << c.engine.speculation.draft_tokens << " yield "
       << c.engine.speculation.step_parts << "/" << c.engine.speculation.token_parts << ", budget "
       << c.engine.max_num_batched_tokens << ", router "
       << static_cast<int>(c.router.policy) << " view " << static_cast<int>(c.router.view) << " "
       << c.router.view_interval.count << "\noffload " << c.offload.enabled << ", store "
       << static_cast<int>(c.offload.store) << ", load " << static_cast<int>(c.offload.load) << ", scope "
       << static_cast<int>(c.offload.scope) << ", capacity " << c.offload.capacity.count << ", chunk "
       << c.offload.chunk_tokens << ", choice " << static_cast<int>(c.offload.choice) << ", defer " << c.offload.defer_stores
       << ", eviction " << static_cast<int>(c.engine.eviction) << " " << static_cast<int>(c.offload.eviction)
       << ", duration " << c.retention.duration.count << ", promote " << c.offload.promote << ", prefetch " << c.offload.prefetch << ", slow copies " << (c.step_times[3].context_ps != c.step_times[0].context_ps);
  for (const LowerTierConfig& t : c.offload.beyond) {
    text << ", beyond of " << static_cast<int>(t.scope) << " " << static_cast<int>(t.eviction) << " " << static_cast<int>(t.store) << " " << t.capacity.count;
  }
  for (const BusyLimit& b : c.links.busy) text << ", limit " << b.limit << " beside steps " << b.bytes_per_s << " B/s";
  for (const Limit& l : c.links.limits) text << ", " << l.bytes_per_s << " B/s";
  for (const SimulationConfig& o : c.others) {
    text << "\nand " << o.replicas << " replicas, " << o.replicas_per_node << " a node, pages " << o.engine.g1_pages.count
         << ", step " << o.step_times[0].base(0) << ", capacity " << o.offload.capacity.count;
    for (const LowerTierConfig& t : o.offload.beyond) text << " " << t.capacity.count;
    for (const Limit& l : o.links.limits) text << ", " << l.bytes_per_s << " B/s";
  }
  for (const Outage& o : c.outages) {
    text << "\nnode " << o.node << (o.drain ? " drains at " : " fails at ") << o.at.count << " for " << o.down.count;
  }
  text << "\nscaling from " << c.scaling.min_replicas << " target " << c.scaling.target_requests << " every "
       << c.scaling.interval.count << " delay " << c.scaling.delay.count << " cooldown " << c.scaling.cooldown.count;
  return text.str();
}

}  // namespace

TEST_CASE("fast-forward equals stepping one by one") {
  CHECK(rc::check("same results", [] {
    const Workload load = random_load();
    SimulationConfig machine = random_machine();
    RC_LOG(describe(load, machine));
    const SimulationResult jumped = simulate(load, machine);
    machine.step_by_step = true;
    for (SimulationConfig& other : machine.others) other.step_by_step = true;
    const SimulationResult stepped = simulate(load, machine);
    expect_same(jumped, stepped);
    for (const RequestRecord& r : jumped.requests) {
      if (r.outcome != Outcome::completed) continue;
      const std::int64_t hits = r.hit_g1_tokens + r.hit_g2_tokens + r.hit_beyond_tokens[0] + r.hit_beyond_tokens[1];
      const std::int64_t prompt = load.turns[r.turn].prompt_tokens;
      // Without preemption every prompt token is a hit or computed, once.
      if (r.preemptions == 0 && r.requeues == 0) RC_ASSERT(hits + r.computed_tokens == prompt);
    }
  }));
}

TEST_CASE("the cost model as an executor gives what stepping gives") {
  CHECK(rc::check("same results", [] {
    const Workload load = with_chains(random_load());
    SimulationConfig machine = random_machine();
    machine.replicas = machine.replicas_per_node = 1;
    machine.outages.clear();
    machine.others.clear();
    machine.scaling = {};
    machine.links.load.resize(std::min<std::size_t>(1, machine.links.load.size()));
    machine.links.store.resize(machine.links.load.size());
    std::erase_if(machine.links.busy, [](const BusyLimit& b) { return b.replica > 0; });
    machine.offload.prefetch = false;
    for (NodeLinks::Beyond& tier : machine.links.beyond) tier.load.resize(1), tier.prefetch.clear();
    machine.offload.choice = static_cast<LoadChoice>(pick(0, 1));  // an executor's transfers cannot be estimated
    if (!machine.links.busy.empty()) machine.offload.choice = LoadChoice::load;  // nor what steps leave of their rate
    machine.offload.load = LoadPolicy::blocking;  // for whose waits the executor would have to know the layers
    machine.step_by_step = true;
    machine.engine.overlap = false;  // an executor's steps take the time that they take
    if (machine.engine.speculation.draft_tokens > 0) return;
    RC_LOG(describe(load, machine));
    CostModelExecutor executor(machine);
    expect_same(execute(load, machine, executor), simulate(load, machine));
  }));
}

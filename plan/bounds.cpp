#include "plan/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.hpp"

namespace kvplan {
namespace {

constexpr double kRounding = 1 - 1e-9;  // sums of doubles must not exceed what they bound

double s_of(std::int64_t ps) { return static_cast<double>(ps) / kPsPerS; }

// The least of f over 1..most, where f(x) = line(x) combined with something that is monotone on each piece.
template <class F>
double least_over(const PiecewiseLinear& line, std::int64_t most, F f) {
  double least = std::min(f(1), f(most));
  for (const PiecewiseLinear::Piece& p : line.pieces()) {
    for (const std::int64_t x : {p.from - 1, p.from}) {
      if (x >= 1 && x <= most) least = std::min(least, f(x));
    }
  }
  return least;
}

}  // namespace

Machine machine_of(const SimulationConfig& c) {
  Machine m;
  m.step = &c.step_times[0];
  m.engine = &c.engine;
  m.replicas_per_node = c.replicas_per_node;
  m.g1_tokens = static_cast<double>(c.engine.g1_pages.count * c.engine.page_tokens);
  if (!c.offload.enabled) return m;
  const double token = static_cast<double>(c.kv_bytes_per_token.count);
  const std::int64_t nodes = ceil_div(c.replicas, c.replicas_per_node);
  // DRAM and drives grow with the nodes, whoever shares them; the remote store does not.
  const auto add_tier = [&](bool of_node, Scope scope, Bytes capacity, bool by_replica) {
    const double tokens = static_cast<double>(capacity.count) / token;
    if (of_node) {
      const std::int64_t on_node = scope == Scope::replica ? c.replicas_per_node : 1;
      const double parts = by_replica ? double{1} * c.replicas / std::min(c.replicas, c.replicas_per_node)
                                      : static_cast<double>(nodes);
      m.below_tokens_per_node += tokens * static_cast<double>(on_node) / (scope == Scope::fleet ? parts : 1);
    } else {
      const std::int64_t in_fleet = scope == Scope::replica ? c.replicas : scope == Scope::node ? nodes : 1;
      m.below_tokens_of_fleet += tokens * static_cast<double>(in_fleet);
    }
  };
  add_tier(true, c.offload.scope, c.offload.capacity, c.offload.by_replica);
  for (const LowerTierConfig& tier : c.offload.beyond) {
    add_tier(tier.kind == Storage::ssd, tier.scope, tier.capacity, tier.by_replica);
  }
  const double moved = static_cast<double>(c.kv_bytes_per_token_per_gpu.count);
  const auto rate_of = [&](const Route& route) {
    double rate = std::numeric_limits<double>::infinity();
    for (const LimitUse& u : route.uses) {
      rate = std::min(rate, static_cast<double>(c.links.limits[u.limit].bytes_per_s) / static_cast<double>(u.weight));
    }
    return rate / moved;
  };
  if (!c.links.load.empty()) m.loaded_tokens_per_s += rate_of(c.links.load[0]);
  for (const NodeLinks::Beyond& b : c.links.beyond) m.loaded_tokens_per_s += rate_of(b.load[0]);
  return m;
}

std::int64_t most_tokens_of(const SimulationConfig& c) {
  const EngineConfig& e = c.engine;
  return std::min<std::int64_t>(e.max_context_tokens, e.g1_pages.count * e.page_tokens - e.speculation.draft_tokens);
}

double Bounds::Curve::at(double budget) const {
  const auto it = std::upper_bound(cost.begin(), cost.end(), budget);
  if (it == cost.end()) return saved.back();
  const auto i = static_cast<std::size_t>(it - cost.begin());  // cost[0] = 0, so i > 0
  return saved[i - 1] + (saved[i] - saved[i - 1]) * (budget - cost[i - 1]) / (cost[i] - cost[i - 1]);
}

Bounds::Bounds(const LoadFacts& facts, const Machine& machine, std::optional<double> time_s)
    : facts_(facts), machine_(machine), time_s_(time_s) {
  const StepTime& step = *machine.step;
  const EngineConfig& engine = *machine.engine;
  const Speculation& drafts = engine.speculation;
  const std::int64_t budget = engine.max_num_batched_tokens;
  yield_ = static_cast<double>(drafts.step_parts) / static_cast<double>(drafts.token_parts);
  if (engine.overlap) host_s_ = kRounding * s_of(step.host_ps + step.host_sample_ps);
  base_s_ = kRounding * least_over(step.base, budget, [&](std::int64_t x) { return base_s(x); });
  rate_s_ =
      kRounding * least_over(step.base, budget, [&](std::int64_t x) { return base_s(x) / static_cast<double>(x); });
  const std::int64_t rows = std::int64_t{engine.max_num_seqs} * (1 + drafts.draft_tokens);
  head_s_ = kRounding * least_over(step.head, rows, [&](std::int64_t x) {
              return s_of(step.head(x) - (engine.overlap ? step.host_sample_ps * x : 0)) / static_cast<double>(x);
            });
  context_s_ = s_of(step.context_ps * drafts.token_parts);
  steps_ = std::max(facts.decoded_tokens / static_cast<double>(engine.max_num_seqs),
                    facts.decode_private / machine.g1_tokens) /
           yield_;
  if (!time_s) return;
  for (const double part : {0.7, 1.0}) forms_.push_back(form(part * rate_s_));
}

double Bounds::base_s(std::int64_t new_tokens) const {
  const StepTime& step = *machine_.step;
  return s_of(step.base(new_tokens) - (machine_.engine->overlap ? step.host_ps : 0));
}

double Bounds::decode_steps(const TurnFacts& t) const {
  return std::ceil(kRounding * std::max(0.0, t.output - 1) / yield_);
}

double Bounds::decode_context(const TurnFacts& t) const {
  return t.prompt + std::max(0.0, (t.output - 1 - yield_) / 2);
}

Bounds::Form Bounds::form(double slope) const {
  Form f;
  f.slope = slope;
  const StepTime& step = *machine_.step;
  f.floor_s =
      std::max(0.0, kRounding * least_over(step.base, machine_.engine->max_num_batched_tokens,
                                           [&](std::int64_t x) { return base_s(x) - slope * static_cast<double>(x); }));
  const double pair_s = s_of(step.pair_ps);
  const auto saving = [&](double hit) { return slope * hit + pair_s * hit * (hit + 1) / 2; };
  struct Hit {
    double saved, tokens, space;
  };
  std::vector<Hit> hits;
  double all = 0, rows = facts_.decoded_tokens + static_cast<double>(facts_.turns.size());  // a token has a row or more
  for (const TurnFacts& t : facts_.turns) {
    all += slope * t.prompt + pair_s * t.prompt * (t.prompt + 1) / 2 - saving(t.free);
    all += context_s_ * decode_steps(t) * decode_context(t);
    if (t.reused > 0) hits.push_back({saving(t.free + t.reused) - saving(t.free), t.reused, t.reused * t.gap_s});
  }
  f.all_s = all + slope * (facts_.shared_computed + facts_.decoded_tokens) + f.floor_s * steps_ + head_s_ * rows;
  const auto curve = [&](double Hit::*cost) {
    std::sort(hits.begin(), hits.end(),
              [&](const Hit& a, const Hit& b) { return a.saved * (b.*cost) > b.saved * (a.*cost); });
    Curve c{{0}, {0}};
    for (const Hit& h : hits) {
      const double at = c.cost.back() + h.*cost, saved = c.saved.back() + h.saved;
      if (h.*cost > 0)
        c.cost.push_back(at), c.saved.push_back(saved);
      else
        c.saved.back() = saved;  // hits that take no space come first
    }
    return c;
  };
  f.space = curve(&Hit::space);
  f.link = curve(&Hit::tokens);
  return f;
}

double Bounds::work_s(std::int64_t replicas, const Machine& m) const {
  KVPLAN_ASSERT(time_s_);
  const double n = static_cast<double>(replicas), time = *time_s_;
  const double nodes = static_cast<double>(ceil_div(replicas, m.replicas_per_node));
  const double g1 = n * m.g1_tokens;
  const double below = nodes * m.below_tokens_per_node + m.below_tokens_of_fleet;
  double most = steps_ * host_s_;
  for (const Form& f : forms_) {
    const double anywhere = f.space.at((g1 + below) * time);
    const double loaded = std::min(f.space.at(below * time), f.link.at(n * m.loaded_tokens_per_s * time));
    most = std::max(most, f.all_s - std::min(anywhere, f.space.at(g1 * time) + loaded));
  }
  return kRounding * most;
}

std::optional<std::int64_t> Bounds::least_replicas(std::int64_t most, const Machine& m) const {
  if (!time_s_) return 1;
  const auto fits = [&](std::int64_t n) { return work_s(n, m) <= static_cast<double>(n) * *time_s_; };
  if (!fits(most)) return std::nullopt;
  std::int64_t low = 1, high = most;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (fits(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

std::vector<double> Bounds::alone(const Slo& slo, const Workload& w, TurnId judged_from) const {
  const double pair_s = s_of(machine_.step->pair_ps);
  const double front_s = seconds(machine_.engine->frontend_fixed),
               front_token_s = s_of(machine_.engine->frontend_ps_per_token);
  constexpr double kForever = std::numeric_limits<double>::infinity();
  LatencySamples s;
  std::size_t next = 0;
  for (std::size_t t = 0; t < w.turns.size(); ++t) {
    const bool served = next < facts_.turns.size() && facts_.turn_ids[next] == t;
    const TurnFacts facts = served ? facts_.turns[next++] : TurnFacts{};
    if (t < judged_from) continue;
    const double own = std::max(1.0, facts.computed), cached = std::max(0.0, facts.prompt - own);
    double ttft =
        front_s + front_token_s * facts.prompt +
        std::max(host_s_, std::max(base_s_, rate_s_ * own) + pair_s * (own * cached + own * (own + 1) / 2) + head_s_);
    const double decode =
        decode_steps(facts) * std::max(host_s_, base_s_ + head_s_ + context_s_ * decode_context(facts));
    double tpot = decode / std::max(1.0, facts.output - 1);
    if (!served) ttft = tpot = kForever;
    const double e2e = ttft + decode;
    s.ttft.push_back(ttft);
    s.e2e.push_back(e2e);
    if (w.turns[t].output_tokens >= 2) s.tpot.push_back(tpot);
    const auto within = [](const std::optional<double>& limit, double value) { return !limit || value <= *limit; };
    s.good.push_back(served && (!slo.goodput || (within(slo.goodput->ttft_s, ttft) && within(slo.goodput->e2e_s, e2e) &&
                                                 (facts.output < 2 || within(slo.goodput->tpot_s, tpot)))));
  }
  std::vector<double> values;
  for (const Estimated& e : measure(s, slo, 0.9)) values.push_back(e.value);
  return values;
}

}  // namespace kvplan

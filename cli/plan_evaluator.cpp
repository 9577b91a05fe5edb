#include "cli/plan_evaluator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/cells.hpp"
#include "sim/simulation.hpp"

namespace kvplan {
namespace {

constexpr double kHoursPerMonth = 8766.0 / 12;

std::string key_of(std::size_t arm, std::int64_t replicas, const std::string& load, const Tweak& t, bool thorough) {
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {}", arm, replicas, load, t.steps.base, t.steps.head,
                     t.steps.context, t.steps.pair, t.steps_longer, t.link, t.frontend, t.dram_bytes,
                     t.link_bytes_per_s, t.spares_fail_after_s, thorough);
}

std::int64_t times(std::int64_t count, double factor) { return std::llround(static_cast<double>(count) * factor); }

void scale_steps(SimulationConfig& c, double factor) {
  for (StepTimes* all : {&c.step_times, &c.draft_times}) {
    for (StepTime& t : *all) t = t.scaled(factor);
  }
}

}  // namespace

struct Evaluator::Run {
  std::vector<Estimated> slo;
  double latency = 0;
  Verdict verdict;
  Totals totals;
  double busy = 0, served_s = 0;
  bool keeps_up = true;
  double at_pace_s = 0;
};

SimulationConfig Evaluator::built(std::size_t arm, std::int64_t replicas, const char* end_of_step_times) const {
  const Arm& a = set_.arms[arm];
  Scenario s = request_.scenario(a.values);
  s.assign("replicas", replicas, "search", {});
  if (end_of_step_times != nullptr) s.assign("step_time.end", end_of_step_times, "interval");
  return build_config(s, a.mode, *a.hardware, model_).config;
}

std::optional<SimulationConfig> Evaluator::at_end(std::size_t arm, std::int64_t replicas, const char* end) const {
  try {
    return built(arm, replicas, end);
  } catch (const InputError&) {
    return std::nullopt;  // the roofline has no interval
  }
}

bool Evaluator::calibrated(std::size_t arm) const { return at_end(arm, 1, "low").has_value(); }

void Evaluator::redraw(SimulationConfig& c, std::size_t arm, const StepDraw& draw) const {
  const auto end = [&](const char* name, double factor) {
    if (auto calibrated = at_end(arm, c.replicas, name)) return *std::move(calibrated);
    SimulationConfig assumed = c;
    scale_steps(assumed, factor);
    return assumed;
  };
  const SimulationConfig low = end("low", std::exp(-kUncalibrated)), high = end("high", std::exp(kUncalibrated));
  for (const auto of : {&SimulationConfig::step_times, &SimulationConfig::draft_times}) {
    for (std::size_t i = 0; i < (c.*of).size(); ++i) (c.*of)[i] = drawn((low.*of)[i], (c.*of)[i], (high.*of)[i], draw);
  }
}

SimulationConfig Evaluator::config(std::size_t arm, std::int64_t replicas, const Tweak& tweak) const {
  SimulationConfig c = built(arm, replicas);
  if (tweak.steps != StepDraw{}) redraw(c, arm, tweak.steps);
  if (tweak.steps_longer != 1) scale_steps(c, tweak.steps_longer);
  const auto faster = [&](std::int64_t& bytes_per_s) {
    bytes_per_s = std::llround(static_cast<double>(bytes_per_s) * tweak.link + tweak.link_bytes_per_s);
  };
  for (Limit& l : c.links.limits) faster(l.bytes_per_s);
  for (BusyLimit& l : c.links.busy) faster(l.bytes_per_s);
  EngineConfig& e = c.engine;
  for (Time* t : {&e.frontend_fixed, &e.frontend_service_fixed}) *t = Time(times(t->count, tweak.frontend));
  for (std::int64_t* ps : {&e.frontend_ps_per_token, &e.frontend_service_ps_per_token})
    *ps = times(*ps, tweak.frontend);
  if (c.offload.enabled) {
    const double nodes = static_cast<double>(ceil_div(c.replicas, c.replicas_per_node));
    const double parts = c.offload.scope == Scope::replica ? std::min(c.replicas, c.replicas_per_node)
                         : c.offload.scope == Scope::node  ? 1
                                                           : 1 / nodes;
    c.offload.capacity += Bytes(std::llround(tweak.dram_bytes / parts));
  }
  return c;
}

Evaluator::Run Evaluator::simulate_once(SimulationConfig c, const Tweak& tweak, const ArmBounds::Load& load) const {
  const Workload& w = *load.workload;
  for (std::int64_t node = 0; tweak.spares_fail_after_s > 0 && node < request_.spare_nodes; ++node) {
    c.outages.push_back(
        {static_cast<std::uint32_t>(node), first_arrival(w) + time_from_seconds(tweak.spares_fail_after_s)});
  }
  c.router.seed += static_cast<std::uint64_t>(load.replication);
  const SimulationResult result = simulate(w, c);
  Run r;
  const LatencySamples samples = latency_samples(w, result, load.judged_from, request_.slo);
  r.slo = measure(samples, request_.slo, request_.level);
  if (is_latency(request_.objective)) {
    const auto of = static_cast<Latency>(static_cast<int>(request_.objective) - static_cast<int>(Objective::ttft));
    r.latency = estimate(samples.of(of), Statistic::mean, 0, request_.level).value;
    for (std::size_t i = request_.slo.latencies.size(); i-- > 0;) {
      if (request_.slo.latencies[i].of == of) r.latency = r.slo[i].value;
    }
  }
  r.totals = total(w, result);
  r.verdict = judge(w, c, result, r.totals);
  r.served_s = seconds(r.totals.makespan());
  const double fleet_s = r.served_s * c.replicas * c.gpus_per_replica;
  r.busy = fleet_s > 0 ? std::min(1.0, seconds(result.gpu_busy) / fleet_s) : 0;
  if (const auto at_pace = time_at_pace(w, pace_of(request_.slo), most_tokens_of(c))) {
    r.at_pace_s = *at_pace;
    r.keeps_up = r.served_s <= kPaceSlack * *at_pace;
  }
  return r;
}

// Pools the SLO over the runs so far; true when more of them cannot change the decision.
bool Evaluator::decide(const std::vector<Run>& runs, FleetOutcome& o) const {
  const Slo& slo = request_.slo;
  o.slo.clear();
  bool surely_met = true, surely_missed = false;
  for (std::size_t i = 0; i < slo.size(); ++i) {
    std::vector<Estimated> each;
    for (const Run& r : runs) each.push_back(r.slo[i]);
    o.slo.push_back(pooled(each));
    const Estimated& e = o.slo.back();
    const double limit = slo.limit(i), sign = slo.at_most(i) ? 1 : -1;
    const bool met = sign * e.value <= sign * limit;
    const bool sure = !std::isfinite(e.value) || (e.interval && (limit < e.interval->low || limit > e.interval->high));
    surely_met = surely_met && met && sure;
    surely_missed = surely_missed || (!met && sure);
  }
  const Run& last = runs.back();
  return surely_met || surely_missed || last.verdict.state != State::stable || !last.keeps_up;
}

void Evaluator::add_run(const Run& r, double share, FleetOutcome& o) const {
  o.busy += r.busy * share;
  o.served_s += r.served_s * share;
  o.latency += r.latency * share;
  const Totals& t = r.totals;
  o.output_tokens_per_s += static_cast<double>(t.output_tokens) / std::max(1e-9, seconds(t.makespan())) * share;
  const std::int64_t hits[] = {t.hit_g1_tokens, t.hit_g2_tokens, t.hit_ssd_tokens, t.hit_remote_tokens};
  for (int i = 0; i < 4; ++i) {
    o.hit_share[i] +=
        share * static_cast<double>(hits[i]) / static_cast<double>(std::max<std::int64_t>(1, t.prompt_tokens));
  }
  o.refused = std::max(o.refused, t.refused);
  if (r.verdict.state > o.state || o.bottleneck.empty()) o.bottleneck = r.verdict.bottleneck;
  o.state = std::max(o.state, r.verdict.state);
  if (!o.why.empty()) return;
  if (r.verdict.state != State::stable) {
    o.why = fmt::format("{}: {}", name_of(r.verdict.state), r.verdict.reason);
  } else if (!r.keeps_up) {
    o.why = fmt::format("it serves the load in {}, not within {} as at the limits", human_seconds(r.served_s),
                        human_seconds(kPaceSlack * r.at_pace_s));
  }
}

// What binds, and the first part of the SLO that is missed.
void Evaluator::judge_slo(FleetOutcome& o) const {
  const Slo& slo = request_.slo;
  std::vector<double> values;
  bool missed = false;
  for (std::size_t i = 0; i < slo.size(); ++i) {
    const double value = o.slo[i].value, limit = slo.limit(i);
    values.push_back(value);
    if (worst_ratio(slo, values) > o.ratio) o.ratio = worst_ratio(slo, values), o.binding = i;
    if (missed || (slo.at_most(i) ? value <= limit : value >= limit)) continue;
    missed = true;
    o.why = slo.at_most(i) ? fmt::format("{} {} > {}", slo.name(i),
                                         std::isfinite(value) ? human_seconds(value) : "refused", human_seconds(limit))
                           : fmt::format("{} {:.3f} < {:.3f}", slo.name(i), value, limit);
  }
}

FleetOutcome Evaluator::run(std::size_t arm, std::int64_t replicas, const LoadSet& set, const Tweak& tweak,
                            bool thorough) {
  const std::string key = key_of(arm, replicas, set.name, tweak, thorough);
  {
    const std::lock_guard lock(mutex_);
    const auto it = known_.find(key);
    if (it != known_.end()) return it->second;
  }
  const SimulationConfig c = config(arm, replicas, tweak);
  FleetOutcome o;
  std::vector<Run> runs;
  bool decided = false;
  for (std::size_t l = 0; l < set.loads.size() && (thorough || !decided); ++l) {
    runs.push_back(simulate_once(c, tweak, set.loads[l]));
    decided = decide(runs, o);
  }
  for (const Run& r : runs) add_run(r, 1 / static_cast<double>(runs.size()), o);
  judge_slo(o);
  o.feasible = o.why.empty();
  o.runs = runs.size();
  const std::lock_guard lock(mutex_);
  simulations_ += static_cast<std::int64_t>(runs.size());
  for (std::size_t l = 0; l < runs.size(); ++l) {
    turns_ += static_cast<std::int64_t>(set.loads[l].workload->turns.size());
  }
  return known_[key] = o;
}

std::int64_t Evaluator::with_spares(std::size_t arm, std::int64_t running) const {
  return running + request_.spare_nodes * set_.arms[arm].built.config.replicas_per_node;
}

Cost Evaluator::cost(std::size_t arm, std::int64_t replicas, std::int64_t running, const FleetOutcome& o) const {
  const double busy = o.busy * static_cast<double>(running) / static_cast<double>(replicas);
  return cost_of(set_.arms[arm].fleet(replicas), *set_.arms[arm].hardware, request_.prices, request_.tenure, busy);
}

double Evaluator::value(std::size_t arm, std::int64_t replicas, std::int64_t running, const FleetOutcome& o) const {
  const Arm& a = set_.arms[arm];
  const double usd = cost(arm, replicas, running, o).usd_per_hour;
  const Fleet f = a.fleet(replicas);
  switch (request_.objective) {
    case Objective::usd_per_hour:
      return usd;
    case Objective::usd_per_million_output_tokens:
      return usd / 3600 / o.output_tokens_per_s * 1e6;
    case Objective::usd_per_user_month:
      return usd * kHoursPerMonth / static_cast<double>(request_.base.integer("trace.users"));
    case Objective::gpus:
      return static_cast<double>(f.gpus);
    case Objective::joules_per_output_token: {
      const double gpus = static_cast<double>(f.gpus),
                   busy = o.busy * static_cast<double>(running * a.built.config.gpus_per_replica);
      const Gpu& gpu = a.hardware->gpu;
      return (busy * gpu.busy_watts.value + (gpus - busy) * gpu.idle_watts.value) / o.output_tokens_per_s;
    }
    case Objective::ttft:
    case Objective::tpot:
    case Objective::e2e:
      return o.latency;
  }
  KVPLAN_ASSERT(!"a known objective");
}

double Evaluator::floor(std::size_t arm, std::int64_t replicas, double fastest_s, double output_tokens,
                        const std::vector<double>& alone) const {
  FleetOutcome idle;
  idle.output_tokens_per_s = output_tokens / std::max(1e-9, fastest_s);
  if (!is_latency(request_.objective)) return value(arm, replicas, replicas, idle);
  const auto of = static_cast<Latency>(static_cast<int>(request_.objective) - static_cast<int>(Objective::ttft));
  for (std::size_t i = 0; i < request_.slo.latencies.size(); ++i) {
    if (request_.slo.latencies[i].of == of) return alone[i];
  }
  return 0;
}

std::string Evaluator::over_limits(std::size_t arm, std::int64_t replicas, std::int64_t running,
                                   const FleetOutcome& outcome) const {
  const Fleet f = set_.arms[arm].fleet(replicas);
  if (request_.most_gpus && f.gpus > *request_.most_gpus) {
    return fmt::format("{} GPUs, and {} are allowed", f.gpus, *request_.most_gpus);
  }
  const double usd = cost(arm, replicas, running, outcome).usd_per_hour;
  if (request_.most_usd_per_hour && usd > *request_.most_usd_per_hour) {
    return fmt::format("{:.2f} USD/h, and {:.2f} are allowed", usd, *request_.most_usd_per_hour);
  }
  return "";
}

}  // namespace kvplan

#include "cli/plan_solver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <sstream>

#include "cli/load_trace.hpp"
#include "cli/replications.hpp"
#include "sim/simulation.hpp"

namespace kvplan {
namespace {

std::shared_ptr<const Workload> loaded(const Scenario& base, std::int64_t replication, std::ostream& err) {
  return std::make_shared<const Workload>(with_chains(load_trace(replication_of(base, replication), false, err)));
}

std::shared_ptr<const Workload> with_think_times(const Workload& w, double factor) {
  Workload changed = w;
  for (Turn& t : changed.turns) {
    if (t.arrival.after != kNone)
      t.arrival.time = Time(static_cast<std::int64_t>(static_cast<double>(t.arrival.time.count) * factor));
  }
  return std::make_shared<const Workload>(with_chains(std::move(changed)));
}

double output_tokens(const Workload& w) {
  double sum = 0;
  for (const Turn& t : w.turns) sum += t.output_tokens;
  return sum;
}

}  // namespace

PlanSolver::PlanSolver(PlanRequest request, int threads, std::ostream& err)
    : request_(std::move(request)), threads_(threads), model_(load_model(request_.base)) {
  // Rented prices that the table lacks are those of the hardware file.
  for (const std::string& name : hardware_names()) {
    const Hardware h = kvplan::load_hardware(name);
    if (h.usd_per_gpu_hour.value > 0) request_.prices.usd_per_gpu_hour.try_emplace(h.name, h.usd_per_gpu_hour);
  }
  set_ = arms_of(request_, model_);
  evaluator_ = std::make_unique<Evaluator>(request_, set_, model_);
  read_loads(err);
  if (set_.arms.empty()) return;
  check_load(request_.base, set_.arms[0].built, *load_.loads[0].workload);
  find_warm_up();
  check_lengths();
  bounds_ = std::make_unique<ArmBounds>(request_, set_, load_.loads, threads_);
}

bool PlanSolver::an_arm_draws() const {
  for (std::size_t arm = 0; arm < set_.arms.size(); ++arm) {
    if (draws(evaluator_->config(arm, std::min<std::int64_t>(request_.most_replicas, 2), {}))) return true;
  }
  return false;
}

void PlanSolver::read_loads(std::ostream& err) {
  for (std::int64_t r = 0; r < request_.replications; ++r) {
    const auto w = loaded(request_.base, r, err);
    if (r == 1 && same_load(*w, *load_.loads[0].workload) && !an_arm_draws()) {
      notes_.push_back(kNoRandomDraws);
      break;
    }
    output_tokens_ = std::max(output_tokens_, output_tokens(*w));
    load_.loads.push_back({w, 0, r});
  }
  for (const WorkloadNote& n : load_.loads[0].workload->notes) {
    notes_.push_back(n.rows > 0 ? fmt::format("trace: {} ({} rows)", n.what, n.rows)
                                : fmt::format("trace: {}", n.what));
  }
}

// The start-up is told once, on a fleet with room to spare, so that every fleet is judged by the same turns.
void PlanSolver::find_warm_up() {
  const std::size_t most_memory = static_cast<std::size_t>(std::max_element(set_.arms.begin(), set_.arms.end(),
                                                                            [](const Arm& a, const Arm& b) {
                                                                              return a.built.kv_memory_per_gpu.count <
                                                                                     b.built.kv_memory_per_gpu.count;
                                                                            }) -
                                                           set_.arms.begin());
  const std::int64_t generous = std::min<std::int64_t>(request_.most_replicas, 64);
  const SimulationConfig c = evaluator_->config(most_memory, generous, {});
  for (ArmBounds::Load& l : load_.loads) {
    const StartUp start = start_up(*l.workload, simulate(*l.workload, c));
    l.judged_from = start.end;
    if (!start.found)
      notes_.push_back(
          "the start-up does not end within half of the load: figures may not be of a steady state; a longer "
          "trace.duration_s would tell");
  }
  notes_.push_back(fmt::format("start-up (MSER-5): the first {} of {} turns are not judged", load_.loads[0].judged_from,
                               load_.loads[0].workload->turns.size()));
}

void PlanSolver::check_lengths() const {
  std::vector<Diagnostic> wrong;
  for (const LatencySlo& l : request_.slo.latencies) {
    if (l.statistic != Statistic::quantile || l.quantile >= 1) continue;
    const std::size_t needed = observations_for_quantile(l.quantile);
    for (const ArmBounds::Load& load : load_.loads) {
      const std::size_t judged = load.workload->turns.size() - load.judged_from;
      if (judged >= needed) continue;
      const double factor = static_cast<double>(needed) / static_cast<double>(judged);
      wrong.push_back(
          {request_.file, 0, 0,
           fmt::format("{} rests on {} judged turns, and ten beyond the quantile take {}", l.name(), judged, needed),
           fmt::format("the load has to be {:.1f} times as long: raise trace.duration_s, trace.users or trace.copies, "
                       "or ask for a lower quantile",
                       factor)});
      break;
    }
  }
  if (!wrong.empty()) throw InputError(std::move(wrong));
}

double PlanSolver::floor(std::size_t arm, std::int64_t running) const {
  return evaluator_->floor(arm, evaluator_->with_spares(arm, running), bounds_->fastest_s(), output_tokens_,
                           bounds_->of(arm).alone);
}

bool PlanSolver::can_be_had(std::size_t arm, std::int64_t running) const {
  const Arm& a = set_.arms[arm];
  return cannot_be_had(a.fleet(evaluator_->with_spares(arm, running)), *a.hardware, request_.prices, request_.tenure)
      .empty();
}

std::optional<std::int64_t> PlanSolver::least(std::size_t arm) const {
  std::optional<std::int64_t> n = bounds_->of(arm).replicas;
  while (n && *n < set_.arms[arm].built.config.replicas_per_node && !can_be_had(arm, *n)) ++*n;
  return n;
}

// GPUs and prices rise with the replicas. 0: none is within. Where the most are taken they are to be within however busy
// they are; where the fewest are, judge() tells by the run.
std::int64_t PlanSolver::most_within_limits(std::size_t arm) const {
  FleetOutcome outcome;
  outcome.busy = is_latency(request_.objective) ? 1 : 0;
  std::int64_t low = 0, high = request_.most_replicas;
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    const std::int64_t bought = evaluator_->with_spares(arm, middle);
    if (evaluator_->over_limits(arm, bought, bought, outcome).empty())
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

std::optional<ReplicaRange> PlanSolver::range(std::size_t arm) const {
  const std::optional<std::int64_t> fewest = least(arm);
  const std::int64_t most = most_within_limits(arm);
  if (!fewest || most < *fewest) return std::nullopt;
  // Of latencies: the more the faster.
  return ReplicaRange{is_latency(request_.objective) ? most : *fewest, most};
}

std::string PlanSolver::why_ruled_out(std::size_t arm) const {
  if (range(arm)) return "";
  const std::optional<std::int64_t> fewest = least(arm);
  if (!fewest) return bounds_->of(arm).why;
  const std::string over = evaluator_->over_limits(arm, evaluator_->with_spares(arm, *fewest));
  return over.empty() ? fmt::format("its DRAM is to be had with {} replicas or more, and {} are allowed", *fewest,
                                    request_.most_replicas)
                      : fmt::format("{} replicas in service are the fewest that may do: {}", *fewest, over);
}

Judged PlanSolver::judge(std::size_t arm, std::int64_t running) const {
  const FleetOutcome o = evaluator_->run(arm, running, load_);
  const std::int64_t bought = evaluator_->with_spares(arm, running);
  if (!o.feasible) return {};
  const bool within = evaluator_->over_limits(arm, bought, running, o).empty();
  return {true, within ? evaluator_->value(arm, bought, running, o) : std::numeric_limits<double>::infinity()};
}

SearchSpace PlanSolver::space(const std::string& hardware) const {
  SearchSpace s;
  s.arms = set_.arms.size();
  s.group_of = [&](std::size_t a) { return set_.arms[a].group; };
  s.covers = [&](std::size_t a, std::size_t b) {
    const Arm &x = set_.arms[a], &y = set_.arms[b];
    // Memory of a node is constant up to a full node, or grows in proportion: what holds at both ends holds between.
    for (const std::int64_t n : {std::int64_t{1}, std::int64_t{x.built.config.replicas_per_node}}) {
      const Fleet f = x.fleet(n), g = y.fleet(n);
      if (f.dram_bytes_per_node < g.dram_bytes_per_node || f.ssd_bytes_per_node < g.ssd_bytes_per_node) return false;
    }
    return true;
  };
  s.range = [this, hardware](std::size_t a) {
    return set_.arms[a].hardware->name == hardware ? range(a) : std::nullopt;
  };
  s.floor = [this](std::size_t a, std::int64_t n) { return floor(a, n); };
  s.judge = [this](std::size_t a, std::int64_t n) { return judge(a, n); };
  return s;
}

std::optional<Found> PlanSolver::solve() {
  if (set_.arms.empty()) return std::nullopt;
  std::set<std::string> names;
  for (const Arm& a : set_.arms) names.insert(a.hardware->name);
  std::optional<Found> best;
  for (const std::string& name : names) {
    SearchResult r = search(space(name), threads_);
    if (r.best) {
      const SearchPoint& p = *r.best;
      best_by_hardware_.push_back({p.arm, p.replicas, evaluator_->with_spares(p.arm, p.replicas), p.value});
      if (!best || p.value < best->value) best = best_by_hardware_.back();
    }
    searched_.judged.insert(searched_.judged.end(), r.judged.begin(), r.judged.end());
    searched_.too_dear += r.too_dear;
    searched_.inferred += r.inferred;
  }
  for (std::size_t a = 0; a < set_.arms.size(); ++a) searched_.ruled_out += !range(a);
  std::stable_sort(best_by_hardware_.begin(), best_by_hardware_.end(),
                   [](const Found& a, const Found& b) { return a.value < b.value; });
  return best;
}

std::optional<Found> PlanSolver::solve_exhaustively(std::int64_t& judged) {
  std::optional<Found> best;
  judged = 0;
  for (std::size_t a = 0; a < set_.arms.size(); ++a) {
    for (std::int64_t n = 1; n <= request_.most_replicas; ++n) {
      ++judged;
      if (!can_be_had(a, n) || !evaluator_->over_limits(a, evaluator_->with_spares(a, n)).empty()) continue;
      const Judged j = judge(a, n);
      if (!j.feasible || !std::isfinite(j.value)) continue;
      if (!best || j.value < best->value) best = Found{a, n, evaluator_->with_spares(a, n), j.value};
    }
  }
  return best;
}

LoadSet PlanSolver::load_with(const std::string& name, double users_factor, double think_factor,
                              std::size_t replication) const {
  std::ostringstream nowhere;
  Scenario s = request_.base;
  if (s.has("trace.users")) {
    s.assign("trace.users",
             std::max<std::int64_t>(1, std::llround(users_factor * static_cast<double>(s.integer("trace.users")))),
             "what if", {});
  } else {
    const char* path = s.text("trace.arrivals") != "recorded" ? "trace.arrivals_per_s" : "trace.rate_scale";
    s.assign(path, users_factor * s.number(path), "what if", {});
  }
  const ArmBounds::Load& now = load_.loads[replication];
  auto w = users_factor == 1 ? now.workload : loaded(s, static_cast<std::int64_t>(replication), nowhere);
  if (think_factor != 1) w = with_think_times(*w, think_factor);
  const double share = static_cast<double>(now.judged_from) / static_cast<double>(now.workload->turns.size());
  const auto judged_from = static_cast<TurnId>(share * static_cast<double>(w->turns.size()));
  return {{{w, judged_from}}, fmt::format("{} of replication {}", name, replication)};
}

std::optional<std::int64_t> PlanSolver::resized(const Found& f, const LoadSet& set, const Tweak& tweak) {
  const auto feasible = [&](std::int64_t n) {
    return can_be_had(f.arm, n) && evaluator_->run(f.arm, n, set, tweak).feasible;
  };
  const auto if_within = [&](std::int64_t n) -> std::optional<std::int64_t> {
    const FleetOutcome o = evaluator_->run(f.arm, n, set, tweak);
    if (!evaluator_->over_limits(f.arm, evaluator_->with_spares(f.arm, n), n, o).empty()) return std::nullopt;
    return n;
  };
  if (is_latency(request_.objective)) return feasible(f.running) ? if_within(f.running) : std::nullopt;
  const std::int64_t most = most_within_limits(f.arm);
  std::int64_t near = f.running, high = near, step = 1;
  if (feasible(near)) {
    std::int64_t low = near;  // feasible
    while (low > 1 && feasible(std::max<std::int64_t>(1, low - step))) {
      low = std::max<std::int64_t>(1, low - step);
      step *= 2;
    }
    if (low == 1) return if_within(1);
    high = low;
    near = std::max<std::int64_t>(1, low - step);  // infeasible
  } else {
    do {
      near = high;
      if (near >= most) return std::nullopt;
      high = std::min(most, near + step);
      step *= 2;
    } while (!feasible(high));
  }
  while (high - near > 1) {
    const std::int64_t middle = near + (high - near) / 2;
    (feasible(middle) ? high : near) = middle;
  }
  return if_within(high);
}

}  // namespace kvplan

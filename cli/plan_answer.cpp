#include "cli/plan_answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "cli/version.hpp"
#include "models/memory.hpp"
#include "plan/serving_flags.hpp"
#include "reports/cells.hpp"

namespace kvplan {
namespace {

Json number(double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); }

// Intervals reach no further than latencies and shares do.
Json slo_json(const Slo& slo, const FleetOutcome& o) {
  Json all = Json::array();
  for (std::size_t i = 0; i < slo.size(); ++i) {
    const Estimated& e = o.slo[i];
    const bool met = slo.at_most(i) ? e.value <= slo.limit(i) : e.value >= slo.limit(i);
    const double most = slo.at_most(i) ? std::numeric_limits<double>::infinity() : 1;
    all.push_back({{"name", slo.name(i)},
                   {"value", number(e.value)},
                   {"low", e.interval ? number(std::max(0.0, e.interval->low)) : Json(nullptr)},
                   {"high", e.interval ? number(std::min(most, e.interval->high)) : Json(nullptr)},
                   {"limit", slo.limit(i)},
                   {"at_most", slo.at_most(i)},
                   {"met", met}});
  }
  return all;
}

Json outcome_json(const Slo& slo, const FleetOutcome& o) {
  return {{"meets_slo", o.feasible},
          {"why_not", o.feasible ? Json(nullptr) : Json(o.why)},
          {"slo", slo_json(slo, o)},
          {"worst_ratio_to_limit", number(o.ratio)},
          {"state", name_of(o.state)},
          {"bottleneck", o.bottleneck},
          {"gpu_busy_fraction", o.busy},
          {"output_tokens_per_s", o.output_tokens_per_s},
          {"refused_requests", o.refused},
          {"hit_share_of_prompt_tokens",
           {{"hbm", o.hit_share[0]}, {"dram", o.hit_share[1]}, {"ssd", o.hit_share[2]}, {"remote", o.hit_share[3]}}},
          {"replications", o.runs}};
}

Json cost_json(const Cost& c, Tenure tenure) {
  if (tenure == Tenure::rented) return {{"tenure", "rented"}, {"usd_per_hour", c.usd_per_hour}};
  return {{"tenure", "owned"},
          {"usd_per_hour", c.usd_per_hour},
          {"parts_usd_per_hour",
           {{"machines", c.machines},
            {"dram", c.dram},
            {"ssd", c.ssd},
            {"energy", c.energy},
            {"colocation", c.colocation}}}};
}

Scenario scenario_of(const PlanSolver& p, const Found& f) {
  Scenario s = p.request().scenario(p.set().arms[f.arm].values);
  s.assign("replicas", f.replicas, "plan", {});
  return s;
}

Json flags_json(const PlanSolver& p, const Found& f) {
  const Arm& a = p.set().arms[f.arm];
  const Scenario s = scenario_of(p, f);
  const SimulationConfig& c = a.built.config;
  const double share = s.number("engine.gpu_memory_utilization");
  ServingSetup setup{p.model().name,
                     s.text("weights"),
                     s.text("kv_dtype"),
                     a.built.config.gpus_per_replica,
                     c.engine.page_tokens,
                     c.engine.max_num_seqs,
                     c.engine.max_num_batched_tokens,
                     c.engine.max_context_tokens,
                     share,
                     share - static_cast<double>(kActivationAndRuntimeBytes.count) / a.hardware->gpu.hbm_bytes.value,
                     Bytes(0),
                     Bytes(0),
                     a.built.ssd_per_node};
  const std::int64_t per_node = std::min<std::int64_t>(f.replicas, c.replicas_per_node);
  setup.dram_per_replica = Bytes(std::llround(a.fleet(f.replicas).dram_bytes_per_node) / per_node);
  setup.dram_per_gpu = Bytes(setup.dram_per_replica.count / a.built.config.gpus_per_replica);
  Json flags = Json::object();
  for (const ServingFlags& x : serving_flags(setup)) flags[x.server] = x.text;
  return flags;
}

std::string slo_sentence(const Json& slo) {
  std::string text;
  for (const Json& s : slo) {
    const bool time = s["at_most"];
    const auto show = [&](const Json& v) {
      return v.is_null() ? std::string("endless")
             : time      ? human_seconds(v.get<double>())
                         : fmt::format("{:.3f}", v.get<double>());
    };
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", s["name"].get<std::string>(), show(s["value"]));
    if (!s["low"].is_null()) text += fmt::format(" ({} to {})", show(s["low"]), show(s["high"]));
  }
  return text;
}

std::string sentence(const PlanSolver& p, const Json& plan) {
  return fmt::format("{} {} x {}: {} GPUs on {} nodes, {:.2f} USD/h. {}. With its spares lost ({} of the nodes): {}.",
                     p.request().tenure == Tenure::rented ? "Rent" : "Buy", plan["replicas"].get<std::int64_t>(),
                     plan["name"].get<std::string>(), plan["gpus"].get<std::int64_t>(),
                     plan["nodes"].get<std::int64_t>(), plan["cost"]["usd_per_hour"].get<double>(),
                     slo_sentence(plan["at_full_strength"]["slo"]), p.request().spare_nodes,
                     slo_sentence(plan["with_spare_nodes_lost"]["slo"]));
}

// Of all fleets that were simulated: those that no other beats in cost and in distance from the limits alike.
Json pareto(PlanSolver& p) {
  struct Point {
    Found found;
    double ratio;
  };
  std::vector<Point> points;
  for (const SearchPoint& s : p.searched().judged) {
    if (!s.will_do()) continue;
    const FleetOutcome o = p.evaluator().run(s.arm, s.replicas, p.load());
    points.push_back({{s.arm, s.replicas, p.evaluator().with_spares(s.arm, s.replicas), s.value}, o.ratio});
  }
  std::stable_sort(points.begin(), points.end(), [](const Point& a, const Point& b) {
    return a.found.value != b.found.value ? a.found.value < b.found.value : a.ratio < b.ratio;
  });
  Json front = Json::array();
  double best = 1e300;
  for (const Point& x : points) {
    if (x.ratio >= best) continue;
    best = x.ratio;
    const FleetOutcome o = p.evaluator().run(x.found.arm, x.found.running, p.load());
    front.push_back(
        {{"name", p.set().arms[x.found.arm].name()},
         {"replicas", x.found.replicas},
         {"value", x.found.value},
         {"usd_per_hour", p.evaluator().cost(x.found.arm, x.found.replicas, x.found.running, o).usd_per_hour},
         {"worst_ratio_to_limit", x.ratio},
         {"slo", slo_json(p.request().slo, o)}});
  }
  return front;
}

// Of what misses the SLO, or costs more than may be paid.
std::string why_not(PlanSolver& p, std::size_t arm, std::int64_t running, const FleetOutcome& o) {
  return o.feasible ? p.evaluator().over_limits(arm, p.evaluator().with_spares(arm, running), running, o) : o.why;
}

std::string why_it_lost(PlanSolver& p, const SearchPoint& s, const FleetOutcome& o, double value, double best) {
  if (!s.will_do()) {
    const std::string fleet = counted(static_cast<double>(s.replicas), "replica");
    return fmt::format("{} in service: {}", fleet, why_not(p, s.arm, s.replicas, o));
  }
  if (value <= best) return "a tie";
  return fmt::format("{:+.0f} % {}", 100 * (value / best - 1), name_of(p.request().objective));
}

// The best of every other hardware and mode that was looked at, with the reason why it is not the plan.
Json runners_up(PlanSolver& p, const Found& best) {
  std::map<std::string, SearchPoint>
      nearest;  // by hardware, tp and mode: the cheapest judged point, feasible ones first
  for (const SearchPoint& s : p.searched().judged) {
    const Arm& a = p.set().arms[s.arm];
    const std::string key = fmt::format("{} tp{} {}", a.hardware->name, a.built.config.gpus_per_replica, a.mode);
    const auto [it, first] = nearest.try_emplace(key, s);
    const SearchPoint& old = it->second;
    const bool better = s.will_do() != old.will_do() ? s.will_do()
                        : s.will_do()                ? s.value < old.value
                                                     : s.replicas > old.replicas;
    if (!first && better) it->second = s;
  }
  Json rows = Json::array();
  for (const auto& [key, s] : nearest) {
    if (s.arm == best.arm) continue;
    const std::int64_t replicas = p.evaluator().with_spares(s.arm, s.replicas);
    const FleetOutcome o = p.evaluator().run(s.arm, s.replicas, p.load());
    const double usd = p.evaluator().cost(s.arm, replicas, s.replicas, o).usd_per_hour;
    const double value = p.evaluator().value(s.arm, replicas, s.replicas, o);
    rows.push_back({{"name", p.set().arms[s.arm].name()},
                    {"replicas", replicas},
                    {"usd_per_hour", usd},
                    {"value", number(value)},
                    {"feasible", s.will_do()},
                    {"why_it_lost", why_it_lost(p, s, o, value, best.value)}});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) {
    return a["feasible"] != b["feasible"] ? a["feasible"].get<bool>()
                                          : a["usd_per_hour"].get<double>() < b["usd_per_hour"].get<double>();
  });
  return rows;
}

Json search_json(PlanSolver& p) {
  const SearchResult& r = p.searched();
  Json unfit = Json::array();
  for (const ArmSet::Unfit& u : p.set().unfit)
    unfit.push_back({{"hardware", u.hardware}, {"why", u.why}, {"combinations", u.points}});
  const auto arms = static_cast<std::int64_t>(p.set().arms.size());
  return {{"combinations", p.set().points},
          {"same_fleet_by_another_name", p.set().same},
          {"do_not_fit", unfit},
          {"distinct", arms},
          {"ruled_out_by_bounds", r.ruled_out},
          {"too_dear_by_bounds", r.too_dear},
          {"dismissed_by_larger_memory", r.inferred},
          {"fleets_judged", r.judged.size()},
          {"fleets_of_exhaustive_search", arms * p.request().most_replicas},
          {"simulations", p.evaluator().simulations()},
          {"turns_simulated", p.evaluator().turns_simulated()}};
}

Json provenance_json(const PlanSolver& p) {
  const Workload& w = *p.load().loads[0].workload;
  Json prices = Json::object();
  Prices copy = p.request().prices;
  for (const auto& [key, figure] : price_figures(copy))
    prices[key] = {{"value", figure->value}, {"source", figure->source}, {"date", figure->date}};
  for (const auto& [name, figure] : copy.usd_per_gpu_hour)
    prices["usd_per_gpu_hour"][name] = {{"value", figure.value}, {"source", figure.source}, {"date", figure.date}};
  return {{"tool", {{"name", "kvplan"}, {"version", version()}, {"git_commit", git_commit()}}},
          {"request", p.request().file},
          {"trace",
           {{"name", w.name},
            {"sha256", w.sha256},
            {"turns", w.turns.size()},
            {"judged_from", p.load().loads[0].judged_from}}},
          {"prices", {{"name", p.request().prices.name}, {"date", p.request().prices.date}, {"figures", prices}}},
          {"base", p.request().base.merged()}};
}

// The fleet, of this hardware or ("") of any, that comes nearest to the limits: most replicas of the arm with the
// smallest ratio, over the groups' largest memories.
Json closest(PlanSolver& p, const std::string& hardware) {
  const PlanRequest& r = p.request();
  const auto meant = [&](std::size_t arm) { return hardware.empty() || p.set().arms[arm].hardware->name == hardware; };
  std::optional<SearchPoint> best;
  double least = 1e300;
  for (const SearchPoint& s : p.searched().judged) {
    if (!meant(s.arm)) continue;
    const FleetOutcome o = p.evaluator().run(s.arm, s.replicas, p.load());
    if (!o.slo.empty() && o.ratio < least) least = o.ratio, best = s;
  }
  if (best) {
    const FleetOutcome o = p.evaluator().run(best->arm, best->replicas, p.load());
    return {{"name", p.set().arms[best->arm].name()},
            {"replicas", best->replicas},
            {"outcome", outcome_json(r.slo, o)},
            {"binds", r.slo.name(o.binding)},
            {"times_the_limit", number(o.ratio)},
            {"why", why_not(p, best->arm, best->replicas, o)},
            {"proven", false}};
  }
  std::optional<std::size_t> arm;
  for (std::size_t a = 0; a < p.set().arms.size(); ++a) {
    if (!meant(a)) continue;
    const double ratio = worst_ratio(r.slo, p.bounds().of(a).alone);
    if (!arm || ratio < least) least = ratio, arm = a;
  }
  if (!arm) return nullptr;
  return {{"name", p.set().arms[*arm].name()},
          {"why", p.why_ruled_out(*arm)},
          {"times_the_limit", number(least)},
          {"proven", true}};
}

// Why no fleet of a hardware will do: the nearest one's reason, or the one that leaves out most of its combinations.
std::string why_none(PlanSolver& p, const std::string& hardware) {
  const Json near = closest(p, hardware);
  if (near.is_null()) {
    const auto& unfit = p.set().unfit;
    return std::max_element(unfit.begin(), unfit.end(),
                            [&](const ArmSet::Unfit& a, const ArmSet::Unfit& b) {
                              return (a.hardware == hardware ? a.points : 0) < (b.hardware == hardware ? b.points : 0);
                            })
        ->why;
  }
  const auto name = near["name"].get<std::string>(), why = near["why"].get<std::string>();
  if (near["proven"].get<bool>()) return fmt::format("{}: {}", name, why);
  return fmt::format("{} x {} is nearest: {}", near["replicas"].get<std::int64_t>(), name, why);
}

std::string sentence_without_plan(const PlanRequest& r, const Json& near) {
  if (near.is_null()) return "No combination fits at all.";
  const auto name = near["name"].get<std::string>(), why = near["why"].get<std::string>();
  const char* limits = r.most_gpus || r.most_usd_per_hour ? " within the limits" : "";
  if (near["proven"].get<bool>()) {
    return fmt::format("No fleet{} meets the SLO: {} is nearest, and {}.", limits, name, why);
  }
  const Json& ratio = near["times_the_limit"];  // null: a request is refused; at most 1: it is not the SLO that fails
  return fmt::format("No fleet of up to {} replicas{} meets the SLO: {} x {} is nearest, {}.", r.most_replicas, limits,
                     near["replicas"].get<std::int64_t>(), name,
                     !ratio.is_null() && ratio > 1 ? fmt::format("{} binds at {:.2f} times its limit",
                                                                 near["binds"].get<std::string>(), ratio.get<double>())
                                                   : why);
}

Json without_fleet(PlanSolver& p) {
  std::set<std::string> names;
  for (const Arm& a : p.set().arms) names.insert(a.hardware->name);
  for (const ArmSet::Unfit& u : p.set().unfit) names.insert(u.hardware);
  for (const Found& f : p.best_by_hardware()) names.erase(p.set().arms[f.arm].hardware->name);
  Json rows = Json::array();
  for (const std::string& name : names) rows.push_back({{"hardware", name}, {"why", why_none(p, name)}});
  return rows;
}

}  // namespace

Json plan_json(PlanSolver& p, const Found& f) {
  const Arm& a = p.set().arms[f.arm];
  const FleetOutcome whole = p.evaluator().run(f.arm, f.replicas, p.load(), {}, true);
  const FleetOutcome left = p.evaluator().run(f.arm, f.running, p.load(), {}, true);
  const Fleet fleet = a.fleet(f.replicas);
  Json failing;  // null without spares
  if (f.replicas > f.running) {
    Tweak midway;
    midway.spares_fail_after_s = whole.served_s / 2;
    failing = outcome_json(p.request().slo, p.evaluator().run(f.arm, f.replicas, p.load(), midway, true));
    failing["after_s"] = midway.spares_fail_after_s;
  }
  return {{"name", a.name()},
          {"values", a.values},
          {"hardware", a.hardware->name},
          {"replicas", f.replicas},
          {"replicas_that_suffice", f.running},
          {"gpus", fleet.gpus},
          {"nodes", fleet.nodes},
          {"value", f.value},
          {"cost", cost_json(p.evaluator().cost(f.arm, f.replicas, f.running, left), p.request().tenure)},
          {"at_full_strength", outcome_json(p.request().slo, whole)},
          {"with_spare_nodes_lost", outcome_json(p.request().slo, left)},
          {"with_spare_nodes_failing_midway", failing},
          {"scenario", scenario_of(p, f).merged()},
          {"serving_flags", flags_json(p, f)}};
}

Json plan_document(PlanSolver& p, const std::optional<Found>& best) {
  const PlanRequest& r = p.request();
  Json d;
  d["schema"] = kPlanSchema;
  d["feasible"] = best.has_value();
  d["objective"] = {{"name", name_of(r.objective)}, {"unit", unit_of(r.objective)}};
  d["confidence_level"] = r.level;
  d["spare_nodes"] = r.spare_nodes;
  if (best) {
    d["recommended"] = plan_json(p, *best);
    d["sentence"] = sentence(p, d["recommended"]);
    d["closest"] = nullptr;
    Json by_hardware = Json::array();
    for (const Found& f : p.best_by_hardware())
      by_hardware.push_back(f.arm == best->arm ? d["recommended"] : plan_json(p, f));
    d["best_by_hardware"] = by_hardware;
    d["hardware_without_fleet"] = without_fleet(p);
    d["runners_up"] = runners_up(p, *best);
    d["pareto"] = pareto(p);
    d["shadow_prices"] = shadow_prices(p, *best);
    d["sensitivity"] = sensitivity(p, *best);
    d["break_even"] = break_even_prices(p);
    d["regret"] = r.regret_draws > 0 ? regret(p, *best) : Json(nullptr);
  } else {
    d["recommended"] = nullptr;
    d["closest"] = closest(p, "");
    d["sentence"] = sentence_without_plan(r, d["closest"]);
  }
  d["search"] = search_json(p);
  d["notes"] = p.notes();
  d["provenance"] = provenance_json(p);
  return d;
}

}  // namespace kvplan

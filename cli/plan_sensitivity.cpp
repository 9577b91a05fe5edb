// What the decision rests on: each question is the search's decision asked again in another world, for the best fleet
// of each hardware.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/parallel.hpp"
#include "base/random.hpp"
#include "cli/plan_answer.hpp"

namespace kvplan {
namespace {

constexpr double kGib = 1 << 30;
constexpr double kLeastLoad = 0.5, kMostLoad = 2;  // as factors: what is carried is looked for between

// The best fleet of each hardware in another world: value, or infinite where none will do.
struct Contest {
  std::vector<double> values;
  std::vector<std::int64_t> replicas;
  std::size_t winner = 0;
};

template <class TweakOf>
Contest contest(PlanSolver& p, const LoadSet& load, TweakOf tweak_of) {
  Contest c;
  const auto& fleets = p.best_by_hardware();
  for (const Found& f : fleets) {
    const Tweak tweak = tweak_of(f.arm);
    const auto n = p.resized(f, load, tweak);
    double value = std::numeric_limits<double>::infinity();
    if (n)
      value = p.evaluator().value(f.arm, p.evaluator().with_spares(f.arm, *n), *n,
                                  p.evaluator().run(f.arm, *n, load, tweak));
    c.values.push_back(value);
    c.replicas.push_back(n ? p.evaluator().with_spares(f.arm, *n) : 0);
  }
  c.winner = static_cast<std::size_t>(std::min_element(c.values.begin(), c.values.end()) - c.values.begin());
  return c;
}

Json contest_json(PlanSolver& p, const Contest& c) {
  const auto& fleets = p.best_by_hardware();
  if (!std::isfinite(c.values[c.winner]))
    return {{"best", nullptr}, {"value", nullptr}, {"replicas", 0}, {"value_of_plan", nullptr}};
  return {{"best", p.set().arms[fleets[c.winner].arm].name()},
          {"replicas", c.replicas[c.winner]},
          {"value", c.values[c.winner]},
          {"value_of_plan", std::isfinite(c.values[0]) ? Json(c.values[0]) : Json(nullptr)}};
}

LoadSet first_of(const LoadSet& all) { return {{all.loads[0]}, "first"}; }

// Users (or arrivals) that a fleet of `running` replicas carries on one replication, as a factor on its load, to half a
// percent; kLeastLoad or kMostLoad where it is no more or no less than that.
double capacity(PlanSolver& p, const Found& f, const Tweak& tweak, std::size_t replication) {
  double low = kLeastLoad, high = kMostLoad;
  for (int i = 0; i < 8; ++i) {
    const double middle = std::sqrt(low * high);
    const LoadSet load = p.load_with(fmt::format("capacity {:.4f}", middle), middle, 1, replication);
    (p.evaluator().run(f.arm, f.running, load, tweak).feasible ? low : high) = middle;
  }
  return low == kLeastLoad ? low : high == kMostLoad ? high : std::sqrt(low * high);
}

bool is_capacity(double carried) { return carried > kLeastLoad && carried < kMostLoad; }

}  // namespace

// Each resource's worth is the same replications' with more of it and without: paired, so that an interval tells
// whether it is more than chance.
Json shadow_prices(PlanSolver& p, const Found& best) {
  const FleetOutcome o = p.evaluator().run(best.arm, best.running, p.load());
  const Arm& a = p.set().arms[best.arm];
  const double usd = p.evaluator().cost(best.arm, best.replicas, best.running, o).usd_per_hour;
  struct Resource {
    const char *what, *unit;
    double tried = 0;  // units more
    double per_fleet = 1;
    Tweak tweak;
  };
  std::vector<Resource> resources;
  const Fleet fleet = a.fleet(best.running);
  const double nodes = static_cast<double>(fleet.nodes);
  if (fleet.dram_bytes_per_node > 0) {
    const double more = 0.25 * fleet.dram_bytes_per_node;
    const double rate = 0.25 * static_cast<double>(a.built.config.links.limits.at(0).bytes_per_s);
    resources.push_back({"DRAM of a node for KV", "GiB", more / kGib, nodes, {}});
    resources.back().tweak.dram_bytes = more;
    resources.push_back({"links of a node, each", "GB/s", rate / 1e9, nodes, {}});
    resources.back().tweak.link_bytes_per_s = rate;
  }
  resources.push_back({"step speed (host too)", "%", 10, 1, {}});
  resources.back().tweak.steps_longer = 1 / 1.1;
  const std::size_t replications = p.load().loads.size(), worlds = 1 + resources.size();
  std::vector<double> carried(replications * worlds);
  for_each_index(carried.size(), p.threads(), [&](std::size_t i) {
    const std::size_t world = i % worlds;
    carried[i] = capacity(p, best, world == 0 ? Tweak{} : resources[world - 1].tweak, i / worlds);
  });
  Json rows = Json::array();
  for (std::size_t k = 0; k < resources.size(); ++k) {
    const Resource& r = resources[k];
    std::vector<double> gains;
    bool known = true;
    for (std::size_t i = 0; i < carried.size(); i += worlds) {
      gains.push_back(carried[i + 1 + k] / carried[i] - 1);
      known = known && is_capacity(carried[i]) && is_capacity(carried[i + 1 + k]);
    }
    const double gain = mean_of(gains), price = usd / r.tried / r.per_fleet;
    const auto interval = known ? t_interval(gains, p.request().level) : std::nullopt;
    rows.push_back({{"resource", r.what},
                    {"unit", r.unit},
                    {"tried", r.tried},
                    {"more_load_fraction", known ? Json(gain) : Json(nullptr)},
                    {"usd_per_hour_per_unit", known ? Json(price * gain) : Json(nullptr)},
                    {"low", interval ? Json(price * interval->low) : Json(nullptr)},
                    {"high", interval ? Json(price * interval->high) : Json(nullptr)}});
  }
  std::vector<double> base;
  for (std::size_t i = 0; i < carried.size(); i += worlds) base.push_back(carried[i]);
  return {{"binding", p.request().slo.name(o.binding)},
          {"ratio_to_limit", o.ratio},
          {"bottleneck", o.bottleneck},
          {"load_carried_fraction", mean_of(base)},
          {"load_carried_is", std::count(base.begin(), base.end(), kMostLoad) > 0    ? Json("at least")
                              : std::count(base.begin(), base.end(), kLeastLoad) > 0 ? Json("at most")
                                                                                     : Json(nullptr)},
          {"resources", rows}};
}

Json sensitivity(PlanSolver& p, const Found& best) {
  Json rows = Json::array();
  const LoadSet now = first_of(p.load());
  const auto none = [](std::size_t) { return Tweak{}; };
  const std::string plan = p.set().arms[best.arm].name();
  const auto add = [&](const std::string& what, const std::string& low_name, const Contest& low,
                       const std::string& high_name, const Contest& high) {
    const Json a = contest_json(p, low), b = contest_json(p, high);
    const auto value = [&](const Json& j) {
      return j["value_of_plan"].is_null() ? best.value : j["value_of_plan"].get<double>();
    };
    const auto changes = [&](const Json& j) { return j["best"].is_null() || j["best"] != plan; };
    Json row = {{"what", what}, {"low", low_name}, {"high", high_name}, {"at_low", a}, {"at_high", b}};
    row["swing"] = std::abs(value(a) - value(b));
    row["decision_changes"] = changes(a) || changes(b);
    rows.push_back(row);
  };
  add("traffic", "-20 %", contest(p, p.load_with("traffic 0.8", 0.8, 1), none), "+20 %",
      contest(p, p.load_with("traffic 1.2", 1.2, 1), none));
  add("think time", "halved", contest(p, p.load_with("think 0.5", 1, 0.5), none), "doubled",
      contest(p, p.load_with("think 2", 1, 2), none));
  const auto end = [](double at) {
    return [at](std::size_t) {
      Tweak t;
      t.steps = {at, at, at, at};
      return t;
    };
  };
  add("step times (90 % interval)", "fast end", contest(p, now, end(-kNormal90)), "slow end",
      contest(p, now, end(kNormal90)));
  const auto link = [](double factor) {
    return [factor](std::size_t) {
      Tweak t;
      t.link = factor;
      return t;
    };
  };
  add("link rates", "-15 %", contest(p, now, link(0.85)), "+15 %", contest(p, now, link(1.15)));
  // Prices change no simulation: the fleets stay, and are priced anew.
  const auto priced = [&](const std::string& key, const std::string& hardware, double factor) {
    PlanRequest r = p.request();
    if (hardware.empty())
      price_figures(r.prices).at(key)->value *= factor;
    else if (key == "usd_per_gpu_hour")
      r.prices.usd_per_gpu_hour[hardware].value *= factor;
    else
      r.prices.nodes[hardware].usd.value *= factor;
    const Evaluator with(r, p.set(), p.model());
    Contest c;
    for (const Found& f : p.best_by_hardware()) {
      const FleetOutcome o = p.evaluator().run(f.arm, f.running, p.load());
      const bool affordable = with.over_limits(f.arm, f.replicas, f.running, o).empty();
      c.values.push_back(affordable ? with.value(f.arm, f.replicas, f.running, o)
                                    : std::numeric_limits<double>::infinity());
      c.replicas.push_back(f.replicas);
    }
    c.winner = static_cast<std::size_t>(std::min_element(c.values.begin(), c.values.end()) - c.values.begin());
    return c;
  };
  const bool rented = p.request().tenure == Tenure::rented;
  const std::string own = p.set().arms[best.arm].hardware->name;
  const char* main = rented ? "usd_per_gpu_hour" : "usd_per_node";
  add(fmt::format("{} of {}", main, own), "-30 %", priced(main, own, 0.7), "+30 %", priced(main, own, 1.3));
  if (!rented) {
    for (const char* key : {"dram_usd_per_gb", "usd_per_kwh", "colocation_usd_per_kw_month"}) {
      add(key, "halved", priced(key, "", 0.5), "doubled", priced(key, "", 2));
    }
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Json& a, const Json& b) { return a["swing"].get<double>() > b["swing"].get<double>(); });
  return rows;
}

// The price at which the best fleets of two hardwares cost the same an hour: what the dearer one may cost at most, with
// the fleet unchanged. Exact where a cost falls with its price alone (rent); the fleets are the best at today's prices.
Json break_even_prices(PlanSolver& p) {
  Json rows = Json::array();
  const auto& fleets = p.best_by_hardware();
  if (fleets.size() < 2) return rows;
  const bool rented = p.request().tenure == Tenure::rented;
  const auto usd = [&](const Found& f) {
    return p.evaluator().cost(f.arm, f.replicas, f.running, p.evaluator().run(f.arm, f.running, p.load())).usd_per_hour;
  };
  const auto price = [&](const Found& f) {
    const std::string& name = p.set().arms[f.arm].hardware->name;
    return rented ? p.request().prices.usd_per_gpu_hour.at(name).value : p.request().prices.nodes.at(name).usd.value;
  };
  const auto units = [&](const Found& f) {  // of the price in an hour's cost
    const Fleet fleet = p.set().arms[f.arm].fleet(f.replicas);
    return rented ? static_cast<double>(fleet.gpus)
                  : static_cast<double>(fleet.nodes) / (p.request().prices.years.value * 8766);
  };
  const Found& best = fleets[0];
  for (std::size_t i = 1; i < fleets.size(); ++i) {
    const double gap = usd(fleets[i]) - usd(best);
    const double other = price(fleets[i]) - gap / units(fleets[i]);
    rows.push_back({{"price", rented ? "usd_per_gpu_hour" : "usd_per_node"},
                    {"plan", p.set().arms[best.arm].hardware->name},
                    {"plan_price", price(best)},
                    {"plan_price_at_which_they_swap", price(best) + gap / units(best)},
                    {"other", p.set().arms[fleets[i].arm].hardware->name},
                    {"other_price", price(fleets[i])},
                    {"other_price_at_which_they_swap", other > 0 ? Json(other) : Json(nullptr)}});
  }
  return rows;
}

// Every coefficient redrawn: parts of step times from their intervals (a draw a hardware), link rates and front end
// from +-15 % (common to all). How often is another hardware's fleet, resized, cheaper; how often will the plan's
// hardware not do at all, and how much too dear is it where it does?
Json regret(PlanSolver& p, const Found& best) {
  const LoadSet now = first_of(p.load());
  std::map<std::string, bool> calibrated;
  for (const Found& f : p.best_by_hardware())
    calibrated[p.set().arms[f.arm].hardware->name] = p.evaluator().calibrated(f.arm);
  std::int64_t lost = 0, too_small = 0, nothing = 0;
  std::vector<double> regrets;  // of the draws in which the plan's hardware will do
  for (std::int64_t d = 0; d < p.request().regret_draws; ++d) {
    RandomStream common(static_cast<std::uint64_t>(d), "regret of links");
    const double link = std::exp(common.normal() * kUncalibrated / kNormal90),
                 front = std::exp(common.normal() * kUncalibrated / kNormal90);
    std::map<std::string, Tweak> tweaks;
    for (const auto& [name, known] : calibrated) {
      RandomStream own(static_cast<std::uint64_t>(d), "regret of " + name);
      Tweak t;
      t.steps = {own.normal(), own.normal(), own.normal(), own.normal()};
      t.link = link, t.frontend = front;
      tweaks[name] = t;
    }
    too_small +=
        !p.evaluator().run(best.arm, best.running, now, tweaks[p.set().arms[best.arm].hardware->name]).feasible;
    const Contest c = contest(p, now, [&](std::size_t arm) { return tweaks[p.set().arms[arm].hardware->name]; });
    nothing += !std::isfinite(c.values[c.winner]);
    lost += c.winner != 0;
    if (std::isfinite(c.values[0])) regrets.push_back(c.values[0] / c.values[c.winner] - 1);
  }
  const auto draws = static_cast<double>(p.request().regret_draws);
  Json intervals = Json::object();
  for (const auto& [name, known] : calibrated)
    intervals[name] = known ? "calibrated" : fmt::format("assumed +-{:.0f} %", 100 * kUncalibrated);
  return {{"draws", p.request().regret_draws},
          {"step_time_intervals", intervals},
          {"share_another_hardware_is_best", static_cast<double>(lost) / draws},
          {"share_plan_hardware_will_not_do", (draws - static_cast<double>(regrets.size())) / draws},
          {"mean_regret_fraction", regrets.empty() ? Json(nullptr) : Json(mean_of(regrets))},
          {"worst_regret_fraction",
           regrets.empty() ? Json(nullptr) : Json(*std::max_element(regrets.begin(), regrets.end()))},
          {"share_plan_without_spares_misses_slo", static_cast<double>(too_small) / draws},
          {"share_no_fleet_will_do", static_cast<double>(nothing) / draws}};
}

}  // namespace kvplan

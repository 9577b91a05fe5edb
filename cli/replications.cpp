#include "cli/replications.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "plan/slo.hpp"
#include "sim/pools.hpp"

namespace kvplan {
namespace {

struct Figure {
  Latency of;
  Statistic statistic;
  double quantile;
  const char *key, *name;  // of the statistic
};

// All that a result tells of these latencies but the largest, which has no interval.
std::vector<Figure> figures() {
  std::vector<Figure> all;
  for (const Latency l : {Latency::ttft, Latency::tpot, Latency::e2e}) {
    all.push_back({l, Statistic::mean, 0, "mean", "mean"});
    for (const auto& [key, q] : {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}})
      all.push_back({l, Statistic::quantile, q, key, key});
  }
  return all;
}

std::string title(const Figure& f) { return LatencySlo{f.of, f.statistic, f.quantile, 0}.name(); }

}  // namespace

Scenario replication_of(const Scenario& scenario, std::int64_t n) {
  Scenario s = scenario;
  if (n > 0) s.assign("seed", scenario.integer("seed") + n, "replication", {});
  return s;
}

bool same_load(const Workload& a, const Workload& b) {
  return a.turns.size() == b.turns.size() &&
         std::equal(a.turns.begin(), a.turns.end(), b.turns.begin(), [](const Turn& x, const Turn& y) {
           return x.arrival.time == y.arrival.time && x.prompt_tokens == y.prompt_tokens && x.session == y.session;
         });
}

bool draws(const SimulationConfig& c) {
  const bool at_random = c.router.policy == RouterPolicy::random || c.router.policy == RouterPolicy::power_of_two;
  return at_random && (fleet_replicas(c) > 1 || decode_replicas(c) > 1);
}

StartUp start_up(const Workload& w, const SimulationResult& result) {
  std::vector<double> ttft;
  std::vector<TurnId> turns;
  for (std::size_t i = 0; i < w.turns.size(); ++i) {
    const RequestRecord& r = result.requests[i];
    if (r.outcome != Outcome::completed) continue;
    ttft.push_back(seconds(r.first_token - r.arrival));
    turns.push_back(static_cast<TurnId>(i));
  }
  const WarmUp cut = mser5(ttft);
  return {cut.cut > 0 ? turns[cut.cut - 1] + 1 : 0, cut.found};
}

void Confidence::add(const Workload& w, const SimulationResult& result, const StartUp& start) {
  LatencySamples samples = latency_samples(w, result, start.end, {});
  for (std::vector<double>* s : {&samples.ttft, &samples.tpot, &samples.e2e})
    std::erase_if(*s, [](double x) { return !std::isfinite(x); });
  const std::vector<Figure> all = figures();
  figures_.resize(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<double>& s = samples.of(all[i].of);
    figures_[i].push_back(s.empty() ? Estimated{std::nan(""), std::nullopt}
                                    : estimate(s, all[i].statistic, all[i].quantile, level_));
  }
  judged_.push_back(samples.ttft.size());
  found_ = found_ && start.found;
}

std::vector<Estimated> Confidence::pooled_figures() const {
  std::vector<Estimated> all;
  for (const std::vector<Estimated>& each : figures_) {
    all.push_back(pooled(each));
    if (all.back().interval) continue;
    std::vector<double> values;
    for (const Estimated& e : each) values.push_back(e.value);
    if (std::isfinite(all.back().value)) all.back().interval = t_interval(values, level_);
  }
  return all;
}

bool Confidence::within(double relative) const {
  const std::vector<Estimated> all = pooled_figures();
  return std::all_of(all.begin(), all.end(),
                     [&](const Estimated& e) { return e.interval && e.interval->half_width() <= relative * e.value; });
}

Json Confidence::document() const {
  Json latency = Json::object();
  const std::vector<Figure> all = figures();
  const std::vector<Estimated> values = pooled_figures();
  const auto number = [](std::optional<double> x) { return x && std::isfinite(*x) ? Json(*x) : Json(nullptr); };
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::optional<Interval>& in = values[i].interval;
    latency[name_of(all[i].of)][all[i].key] = {{"value", number(values[i].value)},
                                               {"low", number(in ? std::optional(in->low) : std::nullopt)},
                                               {"high", number(in ? std::optional(in->high) : std::nullopt)}};
  }
  return {{"level", level_},
          {"replications", judged_.size()},
          {"judged_requests", judged_},
          {"start_up_found", found_},
          {"latency", latency}};
}

std::vector<TitledRows> confidence_rows(const std::vector<Column>& columns) {
  std::vector<TitledRows> all;
  for (const Column& c : columns) {
    if (c.document.is_null() || !c.document.contains("confidence")) continue;
    const Json& block = c.document["confidence"];
    std::vector<std::vector<std::string>> grid;
    for (const Figure& f : figures()) {
      const Json& e = block["latency"][name_of(f.of)][f.key];
      if (e["value"].is_null()) continue;
      const double value = e["value"].get<double>();
      if (e["low"].is_null()) {
        grid.push_back({title(f), human_seconds(value), "too few requests for an interval", ""});
        continue;
      }
      const double low = e["low"].get<double>(), high = e["high"].get<double>();
      grid.push_back({title(f), human_seconds(value),
                      fmt::format("{} to {}", human_seconds(std::max(0.0, low)), human_seconds(high)),
                      fmt::format("+-{:.1f} %", 100 * (high - low) / 2 / value)});
    }
    std::string below;
    if (c.document["verdict"]["state"] != "stable")
      below = "The run is not stable: these are figures of this load's length, not of a steady state.";
    else if (!block["start_up_found"].get<bool>())
      below = "The start-up does not end within half of the load: a longer load would tell more.";
    all.push_back(
        {fmt::format(
             "Confidence of {}: {:g} % intervals over {} replications, {} requests of the first judged behind the start-up",
             c.name, 100 * block["level"].get<double>(), block["replications"].get<std::size_t>(),
             human_count(block["judged_requests"][0].get<double>())),
         std::move(grid), below});
  }
  return all;
}

void require_precision(const std::vector<Column>& columns, double relative) {
  for (const Column& c : columns) {
    if (c.document.is_null()) continue;
    const Json& block = c.document["confidence"];
    const auto done = block["replications"].get<double>();
    for (const Figure& f : figures()) {
      const Json& e = block["latency"][name_of(f.of)][f.key];
      if (e["value"].is_null()) continue;
      if (e["low"].is_null()) {
        throw InputError(Diagnostic{c.name, 0, 0, fmt::format("{} has too few requests for an interval", title(f)),
                                    "more replications, or a longer load"});
      }
      const double value = e["value"].get<double>(), half = e["high"].get<double>() - value;
      if (half <= relative * value) continue;
      const double times = half / value / relative;
      throw InputError(Diagnostic{
          c.name, 0, 0,
          fmt::format("{} is known to {:.1f} %, and {:g} % are asked", title(f), 100 * half / value, 100 * relative),
          fmt::format("about {:.0f} replications, or a load {:.1f} times as long", std::ceil(done * times * times),
                      times * times)});
    }
  }
}

}  // namespace kvplan

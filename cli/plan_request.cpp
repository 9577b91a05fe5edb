#include "cli/plan_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/options.hpp"
#include "cli/sweep_file.hpp"

namespace kvplan {
namespace {

const std::vector<std::string> kObjectives = {"usd_per_hour",
                                              "usd_per_million_output_tokens",
                                              "usd_per_user_month",
                                              "gpus",
                                              "joules_per_output_token",
                                              "ttft_s",
                                              "tpot_s",
                                              "e2e_s"};

void set_number(Scenario& s, const char* path, double value) {
  const Option& option = *find_option(path);
  s.assign(
      path,
      *accept(option, option.type == OptionType::integer ? nlohmann::json(std::llround(value)) : nlohmann::json(value)),
      "growth", {});
}

// Growth is of traffic: users where there are some, else the rate of arrivals.
void grow(Scenario& s, double growth) {
  if (growth == 1) return;
  if (s.has("trace.users")) {
    set_number(s, "trace.users", std::ceil(growth * static_cast<double>(s.integer("trace.users"))));
  } else if (s.text("trace.arrivals") != "recorded") {
    set_number(s, "trace.arrivals_per_s", growth * s.number("trace.arrivals_per_s"));
  } else {
    set_number(s, "trace.rate_scale", growth * s.number("trace.rate_scale"));
  }
}

void read_cost(JsonReader& root, PlanRequest& r) {
  JsonReader cost = root.object("cost");
  r.tenure = cost.one_of("tenure", {"rented", "owned"}, "rented") == "owned" ? Tenure::owned : Tenure::rented;
  const std::string name = cost.string("prices", newest_prices());
  try {
    r.prices = load_prices(name);
  } catch (const InputError& e) {
    for (const Diagnostic& d : e.findings()) cost.fail("prices", d.message, d.help);
  }
  if (cost.has("override")) override_prices(r.prices, cost.object("override"));
  cost.no_other_keys();
}

void read_confidence(JsonReader& root, PlanRequest& r) {
  JsonReader c = root.object("confidence");
  r.level = c.number("level", 0.5, 0.999, 0.9);
  if (c.has("relative")) r.relative = c.number("relative", 1e-4, 1);
  r.replications = c.integer("replications", 1, 100, 3);
  c.no_other_keys();
}

void read_limits(JsonReader& root, PlanRequest& r) {
  JsonReader limits = root.object("limits");
  if (limits.has("usd_per_hour")) r.most_usd_per_hour = limits.number("usd_per_hour", 1e-6, 1e9);
  if (limits.has("gpus")) r.most_gpus = limits.integer("gpus", 1, 1'000'000);
  limits.no_other_keys();
  if (is_latency(r.objective) && !r.most_usd_per_hour && !r.most_gpus) {
    root.fail("objective", "the lowest latency is had with endless money",
              "add \"limits\": {\"usd_per_hour\": N} or gpus");
  }
}

// What contradicts itself.
void check(const JsonFile& file, PlanRequest& r, JsonFindings& findings) {
  if (r.slo.size() == 0)
    findings.add(file.at("", "a plan needs an SLO", "for example \"slo\": {\"ttft_s\": {\"p95\": 1.0}}"));
  for (const LatencySlo& a : r.slo.latencies) {
    for (const LatencySlo& b : r.slo.latencies) {
      if (a.of == b.of && a.statistic == Statistic::quantile && b.statistic == Statistic::quantile &&
          a.quantile < b.quantile && a.limit_s > b.limit_s) {
        findings.add(file.at("/slo",
                             fmt::format("{} may be {:g} s, but {} only {:g} s: the first says nothing", a.name(),
                                         a.limit_s, b.name(), b.limit_s),
                             "a lower quantile needs the lower limit"));
      }
    }
  }
  if (r.objective == Objective::usd_per_user_month && !r.base.has("trace.users")) {
    findings.add(file.at("/objective", "usd_per_user_month needs users",
                         "set trace.users in the base, or choose another objective"));
  }
  if (!r.design) return;
  for (const std::string& path : r.design->paths()) {
    if (path == "replicas") {
      findings.add(file.at("/search", "replicas are searched always", "leave them out; most_replicas limits them"));
    }
    if (path.rfind("trace.", 0) == 0 || path == "seed" || path.rfind("slo.", 0) == 0) {
      findings.add(file.at("/search", fmt::format("{} is no choice of whoever builds the fleet", path),
                           "set it in the base; `kvplan plan --vary` compares several"));
    }
  }
}

}  // namespace

const char* name_of(Objective o) { return kObjectives[static_cast<std::size_t>(o)].c_str(); }

const char* unit_of(Objective o) {
  switch (o) {
    case Objective::gpus:
      return "GPUs";
    case Objective::joules_per_output_token:
      return "J/token";
    case Objective::ttft:
    case Objective::tpot:
    case Objective::e2e:
      return "s";
    case Objective::usd_per_hour:
      return "USD/h";
    case Objective::usd_per_million_output_tokens:
      return "USD/1M tokens";
    case Objective::usd_per_user_month:
      return "USD/user-month";
  }
  KVPLAN_ASSERT(!"a known objective");
}

Scenario PlanRequest::scenario(const Json& values) const {
  Scenario s = base;
  for (const auto& [path, value] : values.items()) s.assign(path, *accept(*find_option(path), value), "search", {});
  return s;
}

PlanRequest read_plan_request(const std::string& path) { return read_plan_request(JsonFile::load(path)); }

PlanRequest read_plan_request(const JsonFile& file) {
  JsonFindings findings;
  JsonReader root(file, findings);
  findings.raise();
  PlanRequest r;
  r.file = file.name();
  r.base = read_base(file, findings);
  if (root.has("base") && file.root()["base"].is_object())
    root.object("base");
  else if (root.has("base"))
    root.string("base");
  if (root.has("search")) {
    root.object("search");
    r.design.emplace(file, "/search", scenario_vocabulary(), findings);
  }
  r.most_replicas = root.integer("most_replicas", 1, 100000, 256);
  const std::string objective = root.one_of("objective", kObjectives, "usd_per_hour");
  const auto at = std::find(kObjectives.begin(), kObjectives.end(), objective);
  if (at != kObjectives.end()) r.objective = static_cast<Objective>(at - kObjectives.begin());
  if (root.has("slo")) r.slo = read_slo(root.object("slo"));
  read_limits(root, r);
  r.growth = root.number("growth", 0.01, 1000, 1.0);
  r.spare_nodes = root.integer("spare_nodes", 0, 1000, 1);
  r.regret_draws = root.integer("regret_draws", 0, 10000, 16);
  read_cost(root, r);
  read_confidence(root, r);
  root.no_other_keys();
  check(file, r, findings);
  check_base(r.base, r.design ? r.design->paths() : std::vector<std::string>{}, findings);
  findings.raise();
  grow(r.base, r.growth);
  return r;
}

}  // namespace kvplan

// What a capacity plan says: the answer, what lost and why, its objective against the distance from the limits, what
// it hangs on, how to serve it, and where its figures come from.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "reports/charts.hpp"
#include "reports/sections.hpp"

namespace kvplan {
namespace {

std::string text_of(const Json& j, const char* key) {
  return j.is_object() && j.contains(key) && j[key].is_string() ? j[key].get<std::string>() : "";
}

double number_of(const Json& j, const char* key) {
  return j.contains(key) && j[key].is_number() ? j[key].get<double>() : std::nan("");
}

const Json& list_of(const Json& j, const char* key) {
  static const Json none = Json::array();
  return j.contains(key) && j[key].is_array() ? j[key] : none;
}

std::string of(double v) { return std::isnan(v) ? "-" : human_number(v); }

std::string percent_of(double v) { return std::isnan(v) ? "-" : fmt::format("{:.0f} %", 100 * v); }

const Json& fleet_of(const Json& plan) {
  static const Json none = Json::object();
  for (const char* key : {"recommended", "closest"}) {
    if (plan.contains(key) && plan[key].is_object()) return plan[key];
  }
  return none;
}

struct Objective {
  std::string name, unit;
  std::string words() const { return unit.empty() ? name : fmt::format("{} ({})", name, unit); }
};

Objective objective_of(const Json& plan) {
  const Json& o = plan.contains("objective") ? plan["objective"] : plan;
  const std::string name = text_of(o, "name");
  return {name.empty() ? "objective" : name, text_of(o, "unit")};
}

// How the fleet is used, at full strength.
std::string use_of(const Json& fleet) {
  if (!fleet.contains("at_full_strength") || !fleet["at_full_strength"].is_object()) return "";
  const Json& o = fleet["at_full_strength"];
  std::string hits;
  if (o.contains("hit_share_of_prompt_tokens")) {
    for (const auto& [key, title] : {std::pair{"hbm", "HBM"}, {"dram", "DRAM"}, {"ssd", "SSD"}, {"remote", "remote"}}) {
      hits += fmt::format("{} {} {}", hits.empty() ? "; prompt tokens hit in" : ",", title,
                          percent_of(number_of(o["hit_share_of_prompt_tokens"], key)));
    }
  }
  return fmt::format("At full strength the GPUs are {} busy{}; bottleneck: {}.",
                     percent_of(number_of(o, "gpu_busy_fraction")), hits, text_of(o, "bottleneck"));
}

std::string seconds_of(double v) { return std::isnan(v) ? "-" : human_seconds(v); }

Section answer(const Json& plan) {
  Section s{"plan", "The plan"};
  for (const char* key : {"sentence", "summary", "answer"}) {
    if (const std::string text = text_of(plan, key); !text.empty()) s.sentences.push_back(text);
  }
  const Json& fleet = fleet_of(plan);
  s.table.header = {"Target", "Value", "Interval", "Limit", "Met?"};
  for (const auto& [key, when] :
       {std::pair{"at_full_strength", "at full strength"},
        {"with_spare_nodes_lost", "with the spare nodes lost"},
        {"with_spare_nodes_failing_midway", "with the spare nodes failing in mid-run"}}) {
    if (!fleet.contains(key) || !fleet[key].is_object()) continue;
    for (const Json& t : list_of(fleet[key], "slo")) {
      const bool time = t.value("at_most", true);  // a share is to be at least so much
      const auto value = [&](const char* k) { return time ? seconds_of(number_of(t, k)) : of(number_of(t, k)); };
      s.table.rows.push_back({fmt::format("{}, {}", text_of(t, "name"), when), value("value"),
                              std::isnan(number_of(t, "low")) ? "-"
                                                              : fmt::format("{} to {}", value("low"), value("high")),
                              fmt::format("{} {}", time ? "at most" : "at least", value("limit")),
                              t.value("met", false) ? "met" : "MISSED"});
    }
  }
  if (const std::string use = use_of(fleet); !use.empty()) s.points.push_back(use);
  for (const Json& h : list_of(plan, "hardware_without_fleet")) {
    s.points.push_back(fmt::format("No fleet of {}: {}.", text_of(h, "hardware"), text_of(h, "why")));
  }
  for (const Json& note : list_of(plan, "notes")) {
    if (note.is_string()) s.more.push_back(note.get<std::string>());
  }
  return s;
}

Section alternatives(const Json& plan, const Objective& objective) {
  Section s{"alternatives", "What it was chosen from"};
  s.table.header = {"Fleet", "Replicas", objective.words(), "Why it lost"};
  const std::string chosen = plan.contains("recommended") ? text_of(plan["recommended"], "name") : "";
  for (const char* key : {"best_by_hardware", "runners_up"}) {
    for (const Json& f : list_of(plan, key)) {
      const std::string name = text_of(f, "name");
      const auto told =
          std::find_if(s.table.rows.begin(), s.table.rows.end(), [&](const auto& r) { return r[0] == name; });
      const std::string why = text_of(f, "why_it_lost");
      if (told == s.table.rows.end())
        s.table.rows.push_back({name, of(number_of(f, "replicas")), of(number_of(f, "value")),
                                why.empty() ? (name == chosen ? "chosen" : "the best of its hardware") : why});
      else if (!why.empty())
        told->back() = why;
    }
  }
  ChartRows rows;
  Grid grid{{"Fleet", objective.words(), "Worst share of a limit"}, {}};
  for (const Json& f : list_of(plan, "pareto")) {
    const double value = number_of(f, "value"), ratio = number_of(f, "worst_ratio_to_limit");
    if (std::isnan(value) || std::isnan(ratio)) continue;
    const std::string name = fmt::format("{} x {}", of(number_of(f, "replicas")), text_of(f, "name"));
    rows.push_back({value, ratio, name, ""});
    grid.rows.push_back({name, of(value), share(ratio)});
  }
  if (rows.size() < 2) return s;  // nothing to weigh
  s.charts.push_back({"plan-pareto", fmt::format("{} against distance from the limits", objective.name),
                      fmt::format("No fleet that was judged has both a lower {} and a larger distance from its limits "
                                  "than one of these; the first stands at {} of its tightest limit.",
                                  objective.name, share(rows.front().y)),
                      point_chart(objective.name + " of a fleet against the worst share of a limit",
                                  {objective.words(), false, ""}, {"worst share of a limit", false, "%"}, rows, false),
                      std::move(grid)});
  return s;
}

std::string best_at(const Json& end) {
  if (text_of(end, "best").empty()) return "none will do";
  return fmt::format("{} x {}, {}", of(number_of(end, "replicas")), text_of(end, "best"), of(number_of(end, "value")));
}

// Changes that make another fleet the best, and ends of changes at which none is left.
std::string turns_of(const Json& plan) {
  std::vector<std::string> another, none;
  for (const Json& row : list_of(plan, "sensitivity")) {
    if (!row.contains("at_low") || !row.contains("at_high")) continue;
    bool any_left = true;
    for (const char* end : {"low", "high"}) {
      if (!text_of(row[std::string("at_") + end], "best").empty()) continue;
      none.push_back(fmt::format("{} ({})", text_of(row, "what"), text_of(row, end)));
      any_left = false;
    }
    if (any_left && row.value("decision_changes", false)) another.push_back(text_of(row, "what"));
  }
  if (another.empty() && none.empty()) return "None of these changes which fleet is best.";
  std::string text;
  if (!another.empty()) text = fmt::format("The best fleet becomes another when these change: {}.", listed(another));
  if (!none.empty())
    text += fmt::format("{}No fleet does when these change: {}.", text.empty() ? "" : " ", listed(none));
  return text;
}

std::string regret_of(const Json& r) {
  std::string intervals;
  if (r.contains("step_time_intervals")) {
    for (const auto& [name, how] : r["step_time_intervals"].items()) {
      intervals += fmt::format("{}{} {}", intervals.empty() ? " (step times: " : ", ", name,
                               how.is_string() ? how.get<std::string>() : "");
    }
    if (!intervals.empty()) intervals += ")";
  }
  const double mean = number_of(r, "mean_regret_fraction");
  const std::string dearer = std::isnan(mean)
                                 ? ""
                                 : fmt::format(" costs {} too much on the mean and {} at worst, and",
                                               percent_of(mean), percent_of(number_of(r, "worst_regret_fraction")));
  return fmt::format(
      "Over {} redraws of every coefficient{} another hardware is best in {}; the plan's hardware{} will not do at all "
      "in {}; the plan without its spares misses its targets in {}.",
      of(number_of(r, "draws")), intervals, share(number_of(r, "share_another_hardware_is_best")),
      dearer, percent_of(number_of(r, "share_plan_hardware_will_not_do")),
      share(number_of(r, "share_plan_without_spares_misses_slo")));
}

Section hangs_on(const Json& plan, const Objective& objective) {
  Section s{"plan-sensitivity", "What the plan hangs on"};
  std::vector<ChartRange> ranges;
  Grid grid{{"What changes", "from", "to", "best then, at the low end", "at the high end"}, {}};
  for (const Json& row : list_of(plan, "sensitivity")) {
    if (!row.contains("at_low") || !row.contains("at_high")) continue;
    const std::string what = text_of(row, "what");
    const double low = number_of(row["at_low"], "value"), high = number_of(row["at_high"], "value");
    if (!std::isnan(low) && !std::isnan(high)) ranges.push_back({what, std::min(low, high), std::max(low, high)});
    grid.rows.push_back(
        {what, text_of(row, "low"), text_of(row, "high"), best_at(row["at_low"]), best_at(row["at_high"])});
  }
  if (!ranges.empty()) {
    s.charts.push_back(
        {"tornado", fmt::format("The best fleet's {} as one thing changes", objective.name), turns_of(plan),
         range_bars(objective.name + " of the best fleet from one end of each change to the other",
                    {objective.words(), false, ""}, ranges),
         std::move(grid)});
  } else if (!grid.rows.empty()) {
    s.sentences.push_back(turns_of(plan));
    s.table = std::move(grid);
  }
  if (plan.contains("shadow_prices") && plan["shadow_prices"].is_object()) {
    const Json& binds = plan["shadow_prices"];
    s.points.push_back(fmt::format(
        "What binds: {} at {} of its limit; bottleneck: {}. The fleet without its spares carries {}{} x the load.",
        text_of(binds, "binding"), percent_of(number_of(binds, "ratio_to_limit")), text_of(binds, "bottleneck"),
        text_of(binds, "load_carried_is").empty() ? "" : text_of(binds, "load_carried_is") + " ",
        of(number_of(binds, "load_carried_fraction"))));
    for (const Json& r : list_of(binds, "resources")) {
      if (std::isnan(number_of(r, "usd_per_hour_per_unit"))) {
        s.points.push_back(fmt::format(
            "What one more {} of {} is worth is not known: what is carried lies beyond half to double the load.",
            text_of(r, "unit"), text_of(r, "resource")));
        continue;
      }
      const double low = number_of(r, "low"), high = number_of(r, "high");
      const bool known = !std::isnan(low), shows = !known || low > 0 || high < 0;
      s.points.push_back(fmt::format(
          "One more {} of {} is worth {}{}.", text_of(r, "unit"), text_of(r, "resource"),
          shows ? of(number_of(r, "usd_per_hour_per_unit")) + " USD/h" : "nothing that shows",
          known ? fmt::format(" (interval {} to {} USD/h)", of(low), of(high)) : " (one replication: no interval)"));
    }
  }
  for (const Json& b : list_of(plan, "break_even")) {
    s.points.push_back(
        fmt::format("{} and {} swap when {} of the first is {} (now {}), or that of the second {} (now {}).",
                    text_of(b, "plan"), text_of(b, "other"), text_of(b, "price"),
                    of(number_of(b, "plan_price_at_which_they_swap")), of(number_of(b, "plan_price")),
                    of(number_of(b, "other_price_at_which_they_swap")), of(number_of(b, "other_price"))));
  }
  if (plan.contains("regret") && plan["regret"].is_object()) {
    s.points.push_back(regret_of(plan["regret"]));
  }
  return s;
}

Section serving(const Json& plan) {
  Section s{"serving", "Serving flags"};
  const Json& fleet = fleet_of(plan);
  if (!fleet.contains("serving_flags") || !fleet["serving_flags"].is_object()) return s;
  for (const auto& [server, flags] : fleet["serving_flags"].items()) {
    if (flags.is_string()) s.listings.push_back({server, flags.get<std::string>()});
  }
  if (!s.listings.empty()) s.sentences.push_back("Check them against your version of the server.");
  return s;
}

std::string price_words(const std::string& what, const Json& figure) {
  return fmt::format("{}: {} ({}{}{})", what, of(number_of(figure, "value")), text_of(figure, "source"),
                     text_of(figure, "date").empty() ? "" : ", ", text_of(figure, "date"));
}

// The prices of the hardware that was weighed stand open, all others are folded.
void add_prices(Section& s, const Json& plan, const Json& prices) {
  s.points.push_back(fmt::format("Prices: {}, of {}.", text_of(prices, "name"), text_of(prices, "date")));
  if (!prices.contains("figures") || !prices["figures"].is_object()) return;
  std::set<std::string> weighed = {text_of(fleet_of(plan), "hardware")};
  for (const Json& f : list_of(plan, "best_by_hardware")) weighed.insert(text_of(f, "hardware"));
  for (const auto& [key, figure] : prices["figures"].items()) {
    if (figure.contains("value")) {
      s.more.push_back(price_words(key, figure));
      continue;
    }
    for (const auto& [hardware, price] : figure.items()) {
      (weighed.contains(hardware) ? s.points : s.more).push_back(price_words(key + " of " + hardware, price));
    }
  }
}

Section sources(const Json& plan) {
  Section s{"plan-sources", "Where the plan's figures come from"};
  if (!plan.contains("provenance") || !plan["provenance"].is_object()) return s;
  const Json& p = plan["provenance"];
  if (p.contains("tool")) {
    s.points.push_back(
        fmt::format("kvplan {}, commit {}", text_of(p["tool"], "version"), text_of(p["tool"], "git_commit")));
  }
  if (p.contains("trace")) {
    const std::string digest = text_of(p["trace"], "sha256");
    s.points.push_back(fmt::format("Trace {}, sha256 {}..., {} turns, judged from number {}", text_of(p["trace"], "name"),
                                   digest.substr(0, 12), of(number_of(p["trace"], "turns")),
                                   of(number_of(p["trace"], "judged_from"))));
    s.more.push_back("Trace sha256 " + digest);
  }
  if (p.contains("prices") && p["prices"].is_object()) add_prices(s, plan, p["prices"]);
  return s;
}

}  // namespace

std::string plan_name(const Json& plan) {
  const std::string name = plan.contains("recommended") ? text_of(plan["recommended"], "name") : "";
  return name.empty() ? "no fleet" : name;
}

std::vector<Section> plan_sections(const Json& plan, std::size_t number, std::size_t of) {
  const Objective objective = objective_of(plan);
  std::vector<Section> all = {answer(plan), alternatives(plan, objective), hangs_on(plan, objective), serving(plan),
                              sources(plan)};
  if (of == 1) return all;
  for (Section& s : all) {
    s.title = fmt::format("Plan {}, {}: {}", number + 1, plan_name(plan), s.title);
    if (number == 0) continue;
    s.id += fmt::format("-{}", number + 1);
    for (Chart& c : s.charts) c.id += fmt::format("-{}", number + 1);
  }
  return all;
}

}  // namespace kvplan

// What a capacity plan says: the answer, what lost and why, cost against distance from the limits, what it hangs on.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

std::string of(double v, const char* pattern = "{:.4g}") {
  return std::isnan(v) ? "-" : fmt::format(fmt::runtime(pattern), v);
}

std::string seconds_of(double v) { return std::isnan(v) ? "-" : human_seconds(v); }

Section answer(const Json& plan) {
  Section s{"plan", "The plan"};
  for (const char* key : {"sentence", "summary", "answer"}) {
    if (const std::string text = text_of(plan, key); !text.empty()) s.sentences.push_back(text);
  }
  const Json& fleet = plan.contains("recommended") && plan["recommended"].is_object() ? plan["recommended"]
                      : plan.contains("closest") && plan["closest"].is_object()       ? plan["closest"]
                                                                                      : Json::object();
  s.table.header = {"Target", "Value", "Interval", "Limit", "Met?"};
  for (const auto& [key, when] :
       {std::pair{"at_full_strength", "at full strength"}, {"with_spare_nodes_lost", "with the spare nodes lost"}}) {
    if (!fleet.contains(key) || !fleet[key].is_object()) continue;
    for (const Json& t : list_of(fleet[key], "slo")) {
      const bool time = t.value("at_most", true);  // a share is to be at least so much
      const auto value = [&](const char* k) { return time ? seconds_of(number_of(t, k)) : of(number_of(t, k)); };
      s.table.rows.push_back({fmt::format("{}, {}", text_of(t, "name"), when), value("value"),
                              fmt::format("{} to {}", value("low"), value("high")),
                              fmt::format("{} {}", time ? "at most" : "at least", value("limit")),
                              t.value("met", false) ? "met" : "MISSED"});
    }
  }
  for (const Json& h : list_of(plan, "hardware_without_fleet")) {
    s.points.push_back(fmt::format("No fleet of {}: {}.", text_of(h, "hardware"), text_of(h, "why")));
  }
  for (const Json& note : list_of(plan, "notes")) {
    if (note.is_string()) s.more.push_back(note.get<std::string>());
  }
  return s;
}

Section alternatives(const Json& plan, const std::string& objective) {
  Section s{"alternatives", "What it was chosen from"};
  s.table.header = {"Fleet", "Replicas", objective, "Why it lost"};
  const std::string chosen = plan.contains("recommended") ? text_of(plan["recommended"], "name") : "";
  for (const char* key : {"best_by_hardware", "runners_up"}) {
    for (const Json& f : list_of(plan, key)) {
      const std::string name = text_of(f, "name");
      const auto told =
          std::find_if(s.table.rows.begin(), s.table.rows.end(), [&](const auto& r) { return r[0] == name; });
      const std::string why = text_of(f, "why_it_lost");
      if (told == s.table.rows.end())
        s.table.rows.push_back({name, of(number_of(f, "replicas"), "{:.0f}"), of(number_of(f, "value")),
                                why.empty() ? (name == chosen ? "chosen" : "the best of its hardware") : why});
      else if (!why.empty())
        told->back() = why;
    }
  }
  ChartRows rows;
  Grid grid{{"Fleet", objective, "Worst share of a limit"}, {}};
  for (const Json& f : list_of(plan, "pareto")) {
    const double cost = number_of(f, "value"), ratio = number_of(f, "worst_ratio_to_limit");
    if (std::isnan(cost) || std::isnan(ratio)) continue;
    const std::string name = fmt::format("{} x {}", of(number_of(f, "replicas"), "{:.0f}"), text_of(f, "name"));
    rows.push_back({cost, ratio, name, ""});
    grid.rows.push_back({name, of(cost), share(ratio)});
  }
  if (rows.size() < 2) return s;  // nothing to weigh
  s.charts.push_back({"plan-pareto", "Cost against distance from the limits",
                      fmt::format("No fleet that was judged is both cheaper and further from its limits than one of "
                                  "these; the cheapest stands at {} of its tightest limit.",
                                  share(rows.front().y)),
                      point_chart("Cost of a fleet against the worst share of a limit", {objective, false, ""},
                                  {"worst share of a limit", false, "%"}, rows, false),
                      std::move(grid)});
  return s;
}

std::string best_at(const Json& end) {
  return fmt::format("{} x {}, {}", of(number_of(end, "replicas"), "{:.0f}"), text_of(end, "best"),
                     of(number_of(end, "value")));
}

Section hangs_on(const Json& plan, const std::string& objective) {
  Section s{"plan-sensitivity", "What the plan hangs on"};
  std::vector<ChartRange> ranges;
  Grid grid{{"What changes", "from", "to", "best then, at the low end", "at the high end"}, {}};
  std::string changes;
  for (const Json& row : list_of(plan, "sensitivity")) {
    if (!row.contains("at_low") || !row.contains("at_high")) continue;
    const std::string what = text_of(row, "what");
    const double low = number_of(row["at_low"], "value"), high = number_of(row["at_high"], "value");
    if (!std::isnan(low) && !std::isnan(high)) ranges.push_back({what, std::min(low, high), std::max(low, high)});
    if (row.value("decision_changes", false)) changes += (changes.empty() ? "" : ", ") + what;
    grid.rows.push_back(
        {what, text_of(row, "low"), text_of(row, "high"), best_at(row["at_low"]), best_at(row["at_high"])});
  }
  if (!ranges.empty()) {
    s.charts.push_back(
        {"tornado", "The best fleet's cost as one thing changes",
         changes.empty() ? "None of these changes which fleet is best."
                         : fmt::format("The best fleet becomes another when these change: {}.", changes),
         range_bars("Cost of the best fleet from one end of each change to the other", {objective, false, ""}, ranges),
         std::move(grid)});
  }
  if (plan.contains("shadow_prices") && plan["shadow_prices"].is_object()) {
    for (const Json& r : list_of(plan["shadow_prices"], "resources")) {
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
    const Json& r = plan["regret"];
    s.points.push_back(fmt::format(
        "Over {} redraws of every coefficient another hardware is best in {}, and the plan without its spares misses "
        "its targets in {}.",
        of(number_of(r, "draws"), "{:.0f}"), share(number_of(r, "share_another_hardware_is_best")),
        share(number_of(r, "share_plan_without_spares_misses_slo"))));
  }
  return s;
}

}  // namespace

std::vector<Section> plan_sections(const Json& plan, std::size_t number) {
  const std::string objective =
      plan.contains("objective") && plan["objective"].is_object() ? text_of(plan["objective"], "unit") : "cost";
  std::vector<Section> all = {answer(plan), alternatives(plan, objective), hangs_on(plan, objective)};
  if (number == 0) return all;
  for (Section& s : all) {
    s.id += fmt::format("-{}", number + 1);
    for (Chart& c : s.charts) c.id += fmt::format("-{}", number + 1);
  }
  return all;
}

}  // namespace kvplan

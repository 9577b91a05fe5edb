#include <fmt/format.h>

#include "cli/plan_answer.hpp"
#include "cli/text_grid.hpp"
#include "reports/cells.hpp"

namespace kvplan {
namespace {

using Grid = std::vector<std::vector<std::string>>;

std::string percent(double fraction) { return fmt::format("{:.0f} %", 100 * fraction); }

std::string value_text(const Json& v, bool time) {
  if (v.is_null()) return "-";
  return time ? human_seconds(v.get<double>()) : fmt::format("{:.3f}", v.get<double>());
}

std::string slo_text(const Json& plan) {
  Grid grid = {{"", "at full strength", "", "spare nodes lost", "", "limit"}};
  const Json &whole = plan["at_full_strength"]["slo"], &left = plan["with_spare_nodes_lost"]["slo"];
  const auto interval = [](const Json& s) {
    const bool time = s["at_most"];
    return s["low"].is_null() ? std::string("(no interval)")
                              : fmt::format("({} to {})", value_text(s["low"], time), value_text(s["high"], time));
  };
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const bool time = whole[i]["at_most"];
    grid.push_back({whole[i]["name"], value_text(whole[i]["value"], time), interval(whole[i]),
                    value_text(left[i]["value"], time), interval(left[i]),
                    fmt::format("{} {}", time ? "<=" : ">=", value_text(whole[i]["limit"], time))});
  }
  return text_grid(grid, "  ");
}

std::string plan_block(const Json& plan) {
  std::string text = slo_text(plan);
  const Json &o = plan["at_full_strength"], &h = o["hit_share_of_prompt_tokens"];
  if (const Json& failing = plan["with_spare_nodes_failing_midway"]; !failing.is_null()) {
    text += fmt::format("  Spare nodes that fail in mid-run, {} after the first arrival, with all that they hold:",
                        human_seconds(failing["after_s"].get<double>()));
    const char* before = " ";
    for (const Json& s : failing["slo"]) {
      text += fmt::format("{}{} {}", before, s["name"].get<std::string>(), value_text(s["value"], s["at_most"]));
      before = ", ";
    }
    text += "\n";
  }
  text += fmt::format("  GPUs {} busy; prompt tokens hit in HBM {}, DRAM {}, SSD {}, remote {}; bottleneck: {}\n",
                      percent(o["gpu_busy_fraction"]), percent(h["hbm"]), percent(h["dram"]), percent(h["ssd"]),
                      percent(h["remote"]), o["bottleneck"].get<std::string>());
  const Json& c = plan["cost"];
  text += fmt::format("  {:.2f} USD/h ({})", c["usd_per_hour"].get<double>(), c["tenure"].get<std::string>());
  if (c.contains("parts_usd_per_hour")) {
    std::string sep = ": ";
    for (const auto& [part, usd] : c["parts_usd_per_hour"].items())
      text += fmt::format("{}{} {:.2f}", sep, part, usd.get<double>()), sep = ", ";
  }
  return text + "\n";
}

std::string table(const char* title, const Grid& grid) {
  return grid.size() <= 1 ? "" : fmt::format("\n{}\n{}", title, text_grid(grid, "  "));
}

std::string fleets(const Json& d) {
  Grid rivals = {{"best of each hardware", "replicas", "GPUs", "USD/h", d["objective"]["name"].get<std::string>()}};
  for (const Json& p : d["best_by_hardware"]) {
    rivals.push_back({p["name"], std::to_string(p["replicas"].get<int>()), std::to_string(p["gpus"].get<int>()),
                      fmt::format("{:.2f}", p["cost"]["usd_per_hour"].get<double>()),
                      human_number(p["value"].get<double>())});
  }
  Grid lost = {{"fleet", "replicas", "USD/h", "why it lost"}};
  for (const Json& p : d["runners_up"]) {
    if (lost.size() > 12) break;
    lost.push_back({p["name"], std::to_string(p["replicas"].get<int>()),
                    fmt::format("{:.2f}", p["usd_per_hour"].get<double>()), p["why_it_lost"]});
  }
  Grid front = {{"fleet", "replicas", "USD/h", "worst share of a limit"}};
  for (const Json& p : d["pareto"]) {
    front.push_back({p["name"], std::to_string(p["replicas"].get<int>()),
                     fmt::format("{:.2f}", p["usd_per_hour"].get<double>()), percent(p["worst_ratio_to_limit"])});
  }
  std::string none;
  for (const Json& h : d["hardware_without_fleet"])
    none += fmt::format("  No fleet of {}: {}\n", h["hardware"].get<std::string>(), h["why"].get<std::string>());
  return table("Best of each hardware", rivals) + none + table("Runners-up", lost) +
         table("Pareto front: cost against distance from the limits (spare nodes lost)", front);
}

std::string shadow(const Json& s) {
  std::string text = fmt::format(
      "\nWhat binds: {} at {} of its limit; bottleneck: {}. The fleet without its spares carries {}{:.2f} x the "
      "load.\n",
      s["binding"].get<std::string>(), percent(s["ratio_to_limit"]), s["bottleneck"].get<std::string>(),
      s["load_carried_is"].is_null() ? "" : s["load_carried_is"].get<std::string>() + " ",
      s["load_carried_fraction"].get<double>());
  Grid grid = {{"one more", "is worth", "", "from"}};
  for (const Json& r : s["resources"]) {
    const std::string what = fmt::format("{} of {}", r["unit"].get<std::string>(), r["resource"].get<std::string>());
    const std::string more = fmt::format("{:.1f} {} more", r["tried"].get<double>(), r["unit"].get<std::string>());
    if (r["usd_per_hour_per_unit"].is_null()) {
      grid.push_back({what, "not known", "", more + ": beyond half to double the load"});
      continue;
    }
    const auto usd = [&](const char* key) { return r[key].get<double>(); };
    const bool known = !r["low"].is_null(), shows = known && (usd("low") > 0 || usd("high") < 0);
    grid.push_back(
        {what, known && !shows ? "nothing that shows" : fmt::format("{:.4f} USD/h", usd("usd_per_hour_per_unit")),
         known ? fmt::format("({:.4f} to {:.4f})", usd("low"), usd("high")) : "(one replication: no interval)",
         fmt::format("{} carry {:+.1f} % load", more, 100 * r["more_load_fraction"].get<double>())});
  }
  return text + text_grid(grid, "  ");
}

std::string tornado(const Json& d) {
  Grid grid = {{"what", "", "plan's value", "best then", "", "plan's value", "best then"}};
  const auto cells = [&](const Json& side) -> std::vector<std::string> {
    const Json &v = side["value_of_plan"], &b = side["best"];
    const std::string own = d["recommended"]["name"];
    return {v.is_null() ? "none will do" : human_number(v.get<double>()), b.is_null() ? "none"
                                                                                   : b == own  ? "the same"
                                                                                               : b.get<std::string>()};
  };
  for (const Json& r : d["sensitivity"]) {
    const auto low = cells(r["at_low"]), high = cells(r["at_high"]);
    grid.push_back({r["what"], r["low"], low[0], low[1], r["high"], high[0], high[1]});
  }
  return table("Sensitivity (largest swing first; fleets resized, or priced anew)", grid);
}

std::string swaps(const Json& d) {
  std::string text;
  for (const Json& b : d["break_even"]) {
    const Json& other = b["other_price_at_which_they_swap"];
    text += fmt::format("  {} and {} swap when {} of {} is {:.2f} (now {:.2f}), or that of {} is {} (now {:.2f})\n",
                        b["plan"].get<std::string>(), b["other"].get<std::string>(), b["price"].get<std::string>(),
                        b["plan"].get<std::string>(), b["plan_price_at_which_they_swap"].get<double>(),
                        b["plan_price"].get<double>(), b["other"].get<std::string>(),
                        other.is_null() ? "negative" : fmt::format("{:.2f}", other.get<double>()),
                        b["other_price"].get<double>());
  }
  return text.empty() ? "" : "\nBreak-even prices\n" + text;
}

std::string regret_text(const Json& r) {
  if (r.is_null()) return "";
  std::string sources;
  for (const auto& [name, how] : r["step_time_intervals"].items())
    sources += fmt::format("{}{} {}", sources.empty() ? "" : ", ", name, how.get<std::string>());
  const Json& mean = r["mean_regret_fraction"];
  const std::string dearer =
      mean.is_null() ? "" : fmt::format("costs {} too much on average, {} at worst, and ", percent(mean),
                                        percent(r["worst_regret_fraction"]));
  return fmt::format(
      "\nRegret over {} redraws of every coefficient (step times: {}):\n  another hardware is best in {}; the plan's "
      "hardware {}will not do at all in {};\n"
      "  the plan without its spares misses the SLO in {}\n",
      r["draws"].get<int>(), sources, percent(r["share_another_hardware_is_best"]),
      dearer, percent(r["share_plan_hardware_will_not_do"]), percent(r["share_plan_without_spares_misses_slo"]));
}

std::string search_text(const Json& s) {
  std::string text = fmt::format("\nSearch: {} combinations, {} distinct ({} are another's fleet by another name",
                                 human_count(s["combinations"].get<double>()), human_count(s["distinct"].get<double>()),
                                 human_count(s["same_fleet_by_another_name"].get<double>()));
  std::int64_t unfit = 0;
  for (const Json& u : s["do_not_fit"]) unfit += u["combinations"].get<std::int64_t>();
  return text + fmt::format(
                    ", {} do not fit);\n  {} ruled out and {} too dear by bounds, {} by larger memory that fails; {} "
                    "fleets judged in {} simulations of {} turns\n",
                    unfit, s["ruled_out_by_bounds"].get<int>(), s["too_dear_by_bounds"].get<int>(),
                    s["dismissed_by_larger_memory"].get<int>(), s["fleets_judged"].get<int>(),
                    s["simulations"].get<int>(), human_count(s["turns_simulated"].get<double>()));
}

}  // namespace

std::string plan_text(const Json& d) {
  std::string text = d["sentence"].get<std::string>() + "\n";
  if (d["feasible"].get<bool>()) {
    text += "\n" + plan_block(d["recommended"]) + fleets(d) + shadow(d["shadow_prices"]) + tornado(d) + swaps(d) +
            regret_text(d["regret"]);
    text += "\nServing flags (check against your version)\n";
    for (const auto& [server, flags] : d["recommended"]["serving_flags"].items())
      text += fmt::format("  {}: {}\n", server, flags.get<std::string>());
  } else if (!d["closest"].is_null() && d["closest"].contains("outcome")) {
    text += "\n  " + d["closest"]["why"].get<std::string>() + "\n";
  }
  text += search_text(d["search"]);
  for (const Json& n : d["notes"]) text += "  note: " + n.get<std::string>() + "\n";
  return text;
}

}  // namespace kvplan

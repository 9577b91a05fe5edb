// Sections that set results, or the parts of one, side by side.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/json_text.hpp"
#include "reports/charts.hpp"
#include "reports/sections.hpp"

namespace kvplan {
namespace {

constexpr const char* kTtft = "/latency/ttft_s/p95";
constexpr const char* kCost = "/cost/usd_per_million_output_tokens";

// The options of a run's scenario by their paths.
std::map<std::string, std::string> options_of(const Column& c) {
  std::map<std::string, std::string> options;
  if (c.document.is_null() || !c.document["provenance"].contains("scenario")) return options;
  const Json flat = c.document["provenance"]["scenario"].flatten();
  for (const auto& [path, value] : flat.items()) {
    options[path] = value.is_string() ? value.get<std::string>() : json_text(value);
  }
  return options;
}

// The options in which two runs differ.
std::vector<std::string> differing(const std::map<std::string, std::string>& a,
                                   const std::map<std::string, std::string>& b) {
  std::set<std::string> paths;
  const auto value = [](const auto& map, const std::string& key) {
    const auto at = map.find(key);
    return at == map.end() ? std::string("-") : at->second;
  };
  for (const auto* map : {&a, &b}) {
    for (const auto& [path, text] : *map) {
      if (value(a, path) != value(b, path)) paths.insert(path);
    }
  }
  return {paths.begin(), paths.end()};
}

std::string dotted(std::string pointer) {
  pointer.erase(0, 1);
  std::replace(pointer.begin(), pointer.end(), '/', '.');
  return pointer.size() > 2 && pointer.ends_with(".0") ? pointer.substr(0, pointer.size() - 2) : pointer;
}

std::string times(std::optional<double> a, std::optional<double> b) {
  return a && b && *a > 0 ? fmt::format("{:.2f}x", *b / *a) : "-";
}

constexpr std::pair<const char*, const char*> kParts[] = {
    {"frontend", "front end"}, {"queue", "queue"}, {"load", "load"}};

// Prefill is drawn as what was new and what had been computed before.
void add_parts(ChartRows& rows, const Json& band, const std::string& label, const char* suffix) {
  const auto value = [&](const std::string& key) {
    return band.contains(key) && band[key].is_number() ? band[key].get<double>() : 0.0;
  };
  const std::string s(suffix);
  for (const auto& [key, title] : kParts) rows.push_back({0, value(key + s), title, label});
  const double again = value("recompute_in_prefill" + s);
  rows.push_back({0, value("prefill" + s) - again, "prefill, new", label});
  rows.push_back({0, again, "prefill, recomputed", label});
}

Grid bars_table(const std::string& title, const ChartRows& rows) {
  Grid g{{title}, {}};
  for (const ChartRow& r : rows) {
    if (std::find(g.header.begin(), g.header.end(), r.of) == g.header.end()) g.header.push_back(r.of);
    if (g.rows.empty() || g.rows.back()[0] != r.label) g.rows.push_back({r.label});
    g.rows.back().push_back(human_seconds(std::max(r.y, 0.0)));
  }
  return g;
}

std::string largest(const ChartRows& rows, const std::string& label) {
  const ChartRow* most = nullptr;
  for (const ChartRow& r : rows) {
    if (r.label == label && (!most || r.y > most->y)) most = &r;
  }
  return most ? fmt::format("{} ({})", most->of, human_seconds(most->y)) : "none";
}

}  // namespace

Section parts_section(const std::vector<Column>& columns, const Column& focus) {
  Section s{"parts", "What TTFT is made of"};
  ChartRows bands, means;
  if (focus.document.contains("distribution")) {
    for (const Json& b : focus.document["distribution"]["ttft_bands"]) {
      add_parts(bands, b, fmt::format("p{:g} to p{:g}", 100 * b["from"].get<double>(), 100 * b["to"].get<double>()),
                "_s");
    }
  }
  if (!bands.empty()) {
    s.charts.push_back({"ttft-parts", "Parts of TTFT by percentile of TTFT, " + focus.name,
                        fmt::format("For the slowest requests the largest part is {}; for the fastest quarter {}.",
                                    largest(bands, bands.back().label), largest(bands, bands.front().label)),
                        stacked_bars("Mean parts of TTFT of the requests in each band of percentiles",
                                     "requests, by percentile of their TTFT", {"seconds", false, ""}, bands),
                        bars_table("percentiles", bands)});
  }
  for (const Column& c : columns) {
    if (number_at(c, "/latency/ttft_parts_mean_s/prefill"))
      add_parts(means, c.document["latency"]["ttft_parts_mean_s"], c.name, "");
  }
  if (columns.size() > 1 && !means.empty()) {
    s.charts.push_back({"ttft-means", "Mean TTFT and its parts, by result",
                        fmt::format("In {} the largest part is {}.", focus.name, largest(means, focus.name)),
                        stacked_bars("Mean TTFT of each result and its parts", "", {"seconds", false, ""}, means),
                        bars_table("result", means)});
  }
  if (!s.charts.empty())
    s.sentences.push_back(
        "TTFT is cut into disjoint parts that add up exactly; load counts only the time in which compute waits for "
        "it.");
  return s;
}

Section latency_section(const std::vector<Column>& columns) {
  Section s{"latency", "Latency distributions"};
  for (const auto& [key, title] : {std::pair{"ttft_s", "TTFT"}, {"tpot_s", "TPOT"}, {"e2e_s", "E2E"}}) {
    ChartRows rows;
    Grid g{{"share of requests"}, {}};
    for (const Column& c : columns) {
      if (c.document.is_null() || !c.document.contains("distribution") || rows.size() > 400) continue;
      const Json& d = c.document["distribution"];
      const Json& values = d[key];
      if (values.empty()) continue;
      g.header.push_back(c.name);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double q = d["quantile"][i].get<double>(), v = values[i].get<double>();
        if (v > 0) rows.push_back({v, q, c.name, ""});
        if (g.rows.size() <= i) g.rows.push_back({fmt::format("{:g} %", 100 * q)});
        g.rows[i].push_back(human_seconds(v));
      }
    }
    if (rows.empty()) continue;
    std::string reading;
    for (const Column& c : columns) {
      const auto median = number_at(c, fmt::format("/latency/{}/p50", key)),
                 tail = number_at(c, fmt::format("/latency/{}/p99", key));
      if (median && tail && *median > 0 && reading.size() < 400) {
        reading += fmt::format("{}{}: half within {}, one in a hundred above {}", reading.empty() ? "" : "; ", c.name,
                               human_seconds(*median), human_seconds(*tail));
      }
    }
    s.charts.push_back({std::string("cdf-") + key, fmt::format("{} distribution", title), reading + ".",
                        line_chart(fmt::format("Share of requests whose {} is at most x", title),
                                   {fmt::format("{} (s)", title), true, ""}, {"share of requests", false, "%"}, rows),
                        std::move(g)});
  }
  return s;
}

// TTFT against the DRAM of a node: a line for each set of the other options.
Section memory_section(const std::vector<Column>& columns) {
  Section s{"memory", "TTFT against DRAM"};
  ChartRows rows;
  std::set<double> sizes;
  for (const Column& c : columns) {
    const auto ttft = number_at(c, kTtft), bytes = number_at(c, "/provenance/derived/dram_bytes_per_node");
    if (!ttft) continue;
    const double gb = bytes.value_or(0) / 1e9;
    sizes.insert(gb);
    rows.push_back({gb, *ttft,
                    fmt::format("{}, {} sessions", text_at(c, "/provenance/hardware/name"),
                                human_count(number_at(c, "/provenance/trace/sessions").value_or(0))),
                    ""});
  }
  if (sizes.size() < 2) return s;
  const auto best =
      std::min_element(rows.begin(), rows.end(), [](const ChartRow& a, const ChartRow& b) { return a.y < b.y; });
  s.charts.push_back({"dram", "TTFT p95 against DRAM for KV on a node",
                      fmt::format("The lowest TTFT p95, {}, is that of {} with {:.4g} GB of DRAM.",
                                  human_seconds(best->y), best->of, best->x),
                      point_chart("TTFT p95 against the DRAM that a node gives to KV, by hardware and sessions",
                                  {"DRAM for KV on a node (GB)", false, ""}, {"TTFT p95 (s)", false, ""}, rows, true),
                      curves_table("GB", rows, human_seconds)});
  return s;
}

// TTFT against the users of a closed loop, or the rate of an open one: a line for each set of the other options.
Section users_section(const std::vector<Column>& columns) {
  Section s{"users", "TTFT against load"};
  const auto draw = [&](const char* pointer, const std::string& title, const std::string& id) {
    ChartRows rows;
    std::set<double> loads;
    for (const Column& c : columns) {
      const auto ttft = number_at(c, kTtft), load = number_at(c, pointer);
      if (!ttft || !load) continue;
      loads.insert(*load);
      const auto bytes = number_at(c, "/provenance/derived/dram_bytes_per_node");
      const std::string memory = bytes.value_or(0) > 0 ? ", DRAM " + human_bytes(*bytes) : ", no DRAM";
      rows.push_back({*load, *ttft, text_at(c, "/provenance/hardware/name") + memory, ""});
    }
    if (loads.size() < 2) return;
    std::sort(rows.begin(), rows.end(), [](const ChartRow& a, const ChartRow& b) { return a.x < b.x; });
    const auto worst =
        std::max_element(rows.begin(), rows.end(), [](const ChartRow& a, const ChartRow& b) { return a.y < b.y; });
    s.charts.push_back(
        {id, "TTFT p95 against " + title,
         fmt::format("The highest TTFT p95, {}, is that of {} at {:.4g}.", human_seconds(worst->y), worst->of,
                     worst->x),
         point_chart("TTFT p95 against " + title, {title, false, ""}, {"TTFT p95 (s)", false, ""}, rows, true),
         curves_table(title, rows, human_seconds)});
  };
  draw("/provenance/scenario/trace/users", "users", "users-curve");
  draw("/provenance/scenario/trace/rate_scale", "times the recorded rate", "rate-curve");
  return s;
}

// Of runs whose requests are at hand, paired: their differences to the first.
Section chance_section(const ReportInputs& inputs) {
  Section s{"chance", "Is a difference more than chance?"};
  const auto signed_seconds = [](double x) { return (x < 0 ? "-" : "+") + human_seconds(std::abs(x)); };
  for (const Json& comparison : inputs.comparisons) {
    for (const Json& f : comparison["figures"]) {
      const bool known = !f["low"].is_null();
      s.table.rows.push_back(
          {fmt::format("{} against {}", comparison["b"].get<std::string>(), comparison["a"].get<std::string>()),
           f["figure"].get<std::string>(), human_seconds(f["a"].get<double>()), human_seconds(f["b"].get<double>()),
           signed_seconds(f["difference"].get<double>()),
           known ? fmt::format("{} to {}", signed_seconds(f["low"].get<double>()),
                               signed_seconds(f["high"].get<double>()))
                 : "too few requests",
           !known                         ? "unknown"
           : f["significant"].get<bool>() ? "more than chance"
                                          : "may be chance"});
    }
  }
  if (s.table.rows.empty()) return s;
  s.table.header = {"Results", "Figure", "Before", "After", "Difference", "95 % interval", "Is it chance?"};
  s.sentences.push_back(
      "These runs have one load: their requests are compared one by one, and intervals come from batches of "
      "consecutive requests. Runs that are not stable differ by the length of the trace as well.");
  return s;
}

Section pareto_section(const std::vector<Column>& columns) {
  Section s{"pareto", "Cost against latency"};
  ChartRows rows;
  for (const Column& c : columns) {
    const auto cost = number_at(c, kCost), ttft = number_at(c, kTtft);
    if (cost && ttft) rows.push_back({*cost, *ttft, "", c.name});
  }
  if (rows.size() < 2) return s;
  Grid g{{"Result", "USD per million output tokens", "TTFT p95", "Beaten by"}, {}};
  std::string front;
  for (ChartRow& r : rows) {
    const auto beats = [&](const ChartRow& o) { return o.x <= r.x && o.y <= r.y && (o.x < r.x || o.y < r.y); };
    const auto by = std::find_if(rows.begin(), rows.end(), beats);
    r.of = by == rows.end() ? "not beaten" : "beaten in both";
    if (by == rows.end()) front += (front.empty() ? "" : ", ") + r.label;
    g.rows.push_back({r.label, fmt::format("{:.2f}", r.x), human_seconds(r.y), by == rows.end() ? "none" : by->label});
  }
  s.charts.push_back(
      {"cost", "Cost and TTFT of each result",
       fmt::format("No other result beats these in cost and TTFT p95 alike: {}.", front),
       point_chart("Cost per million output tokens against TTFT p95", {"USD per million output tokens", false, ""},
                   {"TTFT p95 (s)", false, ""}, rows, false),
       std::move(g)});
  return s;
}

// Pairs of results that differ in one option show what this option does.
Section sensitivity_section(const std::vector<Column>& columns) {
  Section s{"sensitivity", "Sensitivity"};
  constexpr std::size_t kMostColumns = 64, kMostRows = 100;
  s.table.header = {"Option", "From", "To", "TTFT p95", "TPOT p95", "USD/M output tokens"};
  std::vector<std::map<std::string, std::string>> options;
  for (const Column& c : columns) options.push_back(options_of(c));
  for (std::size_t i = 0; i < std::min(columns.size(), kMostColumns); ++i) {
    for (std::size_t j = i + 1; j < std::min(columns.size(), kMostColumns) && s.table.rows.size() < kMostRows; ++j) {
      if (columns[i].document.is_null() || columns[j].document.is_null()) continue;
      const std::vector<std::string> paths = differing(options[i], options[j]);
      if (paths.size() != 1) continue;
      const auto change = [&](const char* p) { return times(number_at(columns[i], p), number_at(columns[j], p)); };
      s.table.rows.push_back({dotted(paths[0]), options[i][paths[0]], options[j][paths[0]], change(kTtft),
                              change("/latency/tpot_s/p95"), change(kCost)});
    }
  }
  for (const Column& c : columns) {
    if (c.document.is_null() || !c.document.contains("interval")) continue;
    for (const auto& [name, figure] : c.document["interval"]["figures"].items()) {
      if (figure.is_null()) continue;
      s.points.push_back(fmt::format("{}: {} is {:.4g}, from {:.4g} to {:.4g} over the 90 % interval of step times",
                                     c.name, name, figure["central"].get<double>(), figure["low"].get<double>(),
                                     figure["high"].get<double>()));
    }
  }
  if (!s.table.rows.empty())
    s.sentences.push_back("Each row compares two of these results that differ in this option alone.");
  return s;
}

Section break_even_section(const Column& c) {
  Section s{"break-even", "Load or compute again?"};
  if (c.document.is_null() || !c.document.contains("break_even") || c.document["break_even"].is_null()) return s;
  const Json& b = c.document["break_even"];
  ChartRows rows;
  const auto add = [&](const Json& values, const std::string& of) {
    for (std::size_t i = 0; i < values.size(); ++i)
      rows.push_back({b["tokens"][i].get<double>(), values[i].get<double>(), of, ""});
  };
  add(b["recompute_s"], "compute again");
  std::string reading;
  for (const Json& tier : b["tiers"]) {
    const std::string name = tier["tier"].get<std::string>();
    add(tier["load_s"], "load from " + name);
    std::size_t i = 0;
    while (i < b["tokens"].size() && tier["load_s"][i].get<double>() >= b["recompute_s"][i].get<double>()) ++i;
    if (i == b["tokens"].size()) {
      reading += fmt::format("Loading from {} never wins. ", name);
      continue;
    }
    reading += fmt::format("Of the lengths drawn, loading from {} wins from {} tokens on ({} against {}). ", name,
                           human_count(b["tokens"][i].get<double>()),
                           human_seconds(tier["load_s"][i].get<double>()),
                           human_seconds(b["recompute_s"][i].get<double>()));
  }
  if (rows.empty()) return s;
  s.charts.push_back({"load-or-compute", "A prefix loaded, or computed again, " + c.name,
                      reading + "Each is alone on the machine.",
                      line_chart("Time to load a prefix from each tier, and to compute it, by its tokens",
                                 {"tokens of the prefix", true, "~s"}, {"seconds", true, ""}, rows),
                      curves_table("tokens", rows, human_seconds)});
  return s;
}

}  // namespace kvplan

// Sections that set results, or the parts of one, side by side.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/charts.hpp"
#include "reports/run_options.hpp"
#include "reports/sections.hpp"

namespace kvplan {
namespace {

constexpr const char* kTtft = "/latency/ttft_s/p95";
constexpr const char* kCost = "/cost/usd_per_million_output_tokens";

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

// Few requests leave bands empty: a band is named by what it holds.
std::string bands_reading(const ChartRows& bands) {
  const std::string &fastest = bands.front().label, &slowest = bands.back().label;
  if (fastest == slowest) return fmt::format("The largest part is {}.", largest(bands, slowest));
  return fmt::format("For the slowest requests ({}) the largest part is {}; for the fastest ({}) {}.", slowest,
                     largest(bands, slowest), fastest, largest(bands, fastest));
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
                        bands_reading(bands),
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

Section latency_section(const std::vector<Column>& columns, const Column& focus) {
  Section s{"latency", "Latency distributions"};
  const Drawn drawn = drawn_of(
      columns, focus, [](const Column& c) { return !c.document.is_null() && c.document.contains("distribution"); });
  constexpr std::size_t kMostRead = 4;
  for (const auto& [key, title] : {std::pair{"ttft_s", "TTFT"}, {"tpot_s", "TPOT"}, {"e2e_s", "E2E"}}) {
    ChartRows rows;
    Grid g{{"share of requests"}, {}};
    std::string reading;
    for (const Column* c : drawn.columns) {
      const Json& d = c->document["distribution"];
      const Json& values = d[key];
      if (values.empty()) continue;
      g.header.push_back(c->name);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double q = d["quantile"][i].get<double>(), v = values[i].get<double>();
        if (v > 0) rows.push_back({v, q, c->name, ""});
        if (g.rows.size() <= i) g.rows.push_back({fmt::format("{:g} %", 100 * q)});
        g.rows[i].push_back(marked(human_seconds(v), *c));
      }
      const auto median = number_at(*c, fmt::format("/latency/{}/p50", key)),
                 tail = number_at(*c, fmt::format("/latency/{}/p99", key));
      if (median && tail && *median > 0 && (drawn.columns.size() <= kMostRead || c == &focus)) {
        reading += fmt::format("{}{}: half within {}, one in a hundred above {}", reading.empty() ? "" : "; ", c->name,
                               marked(human_seconds(*median), *c), marked(human_seconds(*tail), *c));
      }
    }
    if (rows.empty()) continue;
    s.charts.push_back({std::string("cdf-") + key, fmt::format("{} distribution", title), reading + "." + drawn.words,
                        line_chart(fmt::format("Share of requests whose {} is at most x", title),
                                   {fmt::format("{} (s)", title), true, ""}, {"share of requests", false, "%"}, rows),
                        std::move(g)});
  }
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

// A result beats another in cost and latency alike where both serve the same load, and are stable.
Section pareto_section(const std::vector<Column>& columns, const Loads& loads) {
  Section s{"pareto", "Cost against latency"};
  struct Candidate {
    const Column& column;
    const ColumnsOfLoad* load;
    bool comparable;
    ChartRow at;
  };
  std::vector<Candidate> all;
  for (const Column& c : columns) {
    const auto cost = number_at(c, kCost), ttft = number_at(c, kTtft);
    if (cost && ttft) all.push_back({c, loads.of(c), is_comparable(c), {*cost, *ttft, "", c.name}});
  }
  if (all.size() < 2) return s;
  Grid g{{"Result", "USD per million output tokens", "TTFT p95", "Beaten by"}, {}};
  std::vector<std::string> front;
  ChartRows rows;
  std::size_t left_out = 0;
  for (Candidate& c : all) {
    const auto beats = [&](const Candidate& o) {
      return o.comparable && o.load == c.load && o.at.x <= c.at.x && o.at.y <= c.at.y &&
             (o.at.x < c.at.x || o.at.y < c.at.y);
    };
    const auto by = std::find_if(all.begin(), all.end(), beats);
    c.at.of = !c.comparable ? "not stable, or refuses requests" : by == all.end() ? "not beaten" : "beaten in both";
    if (!c.comparable) ++left_out;
    if (c.comparable && by == all.end()) front.push_back(c.column.name);
    g.rows.push_back({c.column.name, fmt::format("{:.2f}", c.at.x), marked(human_seconds(c.at.y), c.column),
                      !c.comparable     ? "left out: " + c.at.of
                      : by == all.end() ? "none"
                                        : by->column.name});
    rows.push_back(c.at);
  }
  std::string reading = front.empty() ? "None of these is stable and serves its load."
                                      : fmt::format("No other result{} beats these in cost and TTFT p95 alike: {}.",
                                                    loads.several() ? " of its load" : "", listed(front));
  if (left_out > 0 && !front.empty()) {
    reading +=
        fmt::format(" Of {} results {} are not stable or refuse requests, and are left out.", all.size(), left_out);
  }
  s.charts.push_back(
      {"cost", "Cost and TTFT of each result", reading,
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
  std::vector<RunOptions> options;
  for (const Column& c : columns) options.push_back(options_and_trace_of(c.document));
  for (std::size_t i = 0; i < std::min(columns.size(), kMostColumns); ++i) {
    for (std::size_t j = i + 1; j < std::min(columns.size(), kMostColumns) && s.table.rows.size() < kMostRows; ++j) {
      if (columns[i].document.is_null() || columns[j].document.is_null()) continue;
      const std::vector<std::string> paths = differing({&options[i], &options[j]});
      if (paths.size() != 1) continue;
      const auto change = [&](const char* p) { return times(number_at(columns[i], p), number_at(columns[j], p)); };
      const auto value = [&](std::size_t of) {
        return paths[0] == "trace" ? trace_of(columns[of].document) : options[of][paths[0]];
      };
      s.table.rows.push_back({paths[0], value(i), value(j), change(kTtft),
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

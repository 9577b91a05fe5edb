#include "reports/sections.hpp"

#include "base/json_text.hpp"
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace kvplan {
namespace {

constexpr const char* kCost = "/cost/usd_per_million_output_tokens";

bool completed_any(const Column& c) { return number_at(c, "/requests/completed").value_or(0) > 0; }

std::string usd(std::optional<double> v) { return v ? fmt::format("{:.2f}", *v) : "-"; }

std::string target_words(const Column& c) {
  if (c.document.is_null() || c.document["targets"].empty()) return "none set";
  return targets_met(c.document) ? "met" : "MISSED";
}

// Whoever refuses more than one request in twenty serves another load than the one that was asked for.
bool serves(const Column& c) {
  return number_at(c, "/requests/refused").value_or(0) <= 0.05 * number_at(c, "/requests/submitted").value_or(0);
}

std::string recommendation(const std::vector<Column>& columns, const Column& best) {
  const bool stable = text_at(best, "/verdict/state") == "stable", met = targets_met(best.document);
  const bool enough = stable && met && serves(best);
  const auto cost = number_at(best, kCost), refused = number_at(best, "/requests/refused");
  std::string text = columns.size() == 1 ? best.name + (enough ? " keeps up" : " is not enough")
                     : enough            ? "Take " + best.name
                                         : "None of these is enough; the nearest is " + best.name;
  text += fmt::format(": {}, TTFT p95 {}", text_at(best, "/verdict/state"),
                      seconds_or_dash(number_at(best, "/latency/ttft_s/p95")));
  if (!best.document["targets"].empty()) text += met ? ", targets met" : ", a target missed";
  if (refused.value_or(0) > 0) {
    text += fmt::format(", {} of {} requests refused", human_count(*refused),
                        human_count(*number_at(best, "/requests/submitted")));
  }
  return text + (cost ? fmt::format(", {:.2f} USD per million output tokens.", *cost) : ".");
}

Grid verdict_table(const std::vector<Column>& columns) {
  Grid g{{"Result", "State", "Bottleneck", "Targets", "TTFT p95", "TPOT p95", "USD/M output tokens"}, {}};
  for (const Column& c : columns) {
    if (c.document.is_null()) {
      g.rows.push_back({c.name, "does not fit", c.infeasible, "-", "-", "-", "-"});
      continue;
    }
    g.rows.push_back({c.name, text_at(c, "/verdict/state"), text_at(c, "/verdict/bottleneck"), target_words(c),
                      seconds_or_dash(number_at(c, "/latency/ttft_s/p95")),
                      seconds_or_dash(number_at(c, "/latency/tpot_s/p95")), usd(number_at(c, kCost))});
  }
  return g;
}

std::string flat_text(const Json& j) { return j.is_string() ? j.get<std::string>() : json_text(j); }

}  // namespace

std::optional<double> number_at(const Column& c, const std::string& pointer) {
  const Json::json_pointer at(pointer);
  if (c.document.is_null() || !c.document.contains(at) || !c.document.at(at).is_number()) return std::nullopt;
  return c.document.at(at).get<double>();
}

std::string text_at(const Column& c, const std::string& pointer) {
  const Json::json_pointer at(pointer);
  return !c.document.is_null() && c.document.contains(at) && c.document.at(at).is_string()
             ? c.document.at(at).get<std::string>()
             : "";
}

std::string seconds_or_dash(std::optional<double> s) { return s ? human_seconds(*s) : "-"; }

std::string percent(std::optional<double> share) { return share ? fmt::format("{:.1f} %", 100 * *share) : "-"; }

const Column* recommended(const std::vector<Column>& columns) {
  const auto rank = [](const Column& c) {
    return std::tuple(!targets_met(c.document), text_at(c, "/verdict/state") != "stable",
                      number_at(c, kCost).value_or(1e300));
  };
  const Column* best = nullptr;
  for (const Column& c : columns) {
    if (completed_any(c) && (!best || rank(c) < rank(*best))) best = &c;
  }
  return best;
}

Section verdict_section(const ReportInputs& inputs) {
  Section s{"verdict", "Verdict and recommendation"};
  if (const Column* best = recommended(inputs.columns)) {
    s.sentences.push_back(recommendation(inputs.columns, *best));
    s.sentences.push_back(text_at(*best, "/verdict/reason") + "; bottleneck " + text_at(*best, "/verdict/bottleneck") +
                          " (" + text_at(*best, "/verdict/bottleneck_reason") + ").");
  } else if (!inputs.columns.empty()) {
    s.sentences.push_back("No request completed in any of these results: there are no latencies to report.");
  }
  s.points = inputs.warnings;
  const bool unsteady = std::any_of(inputs.columns.begin(), inputs.columns.end(), [](const Column& c) {
    return !c.document.is_null() && text_at(c, "/verdict/state") != "stable";
  });
  if (unsteady) {
    s.points.push_back(
        "Latencies of a run that is not stable grow with the length of the trace: they are no property of the fleet.");
  }
  if (!inputs.columns.empty()) s.table = verdict_table(inputs.columns);
  return s;
}

Section targets_section(const std::vector<Column>& columns) {
  Section s{"targets", "Latencies and targets"};
  s.table.header = {"Result", "Metric", "p50", "p90", "p95", "p99", "Target", "90 % interval"};
  for (const Column& c : columns) {
    if (!completed_any(c)) continue;
    for (const auto& [metric, title] : {std::pair{"ttft_s", "TTFT"}, {"tpot_s", "TPOT"}, {"e2e_s", "E2E"}}) {
      std::vector<std::string> row = {c.name, title};
      for (const char* q : {"p50", "p90", "p95", "p99"}) {
        row.push_back(seconds_or_dash(number_at(c, fmt::format("/latency/{}/{}", metric, q))));
      }
      std::string target = "-", interval = "-";
      if (c.document["targets"].contains(metric)) {
        const Json& t = c.document["targets"][metric];
        target = fmt::format("p{:g} <= {}: {}", 100 * t["quantile"].get<double>(),
                             human_seconds(t["target_s"].get<double>()), t["met"].get<bool>() ? "met" : "MISSED");
      }
      const std::string at = fmt::format("/interval/figures/{}_p95_s/", std::string(metric).substr(0, 4));
      if (const auto low = number_at(c, at + "low"), high = number_at(c, at + "high"); low && high) {
        interval = fmt::format("p95 {} to {}", human_seconds(*low), human_seconds(*high));
      }
      row.insert(row.end(), {target, interval});
      s.table.rows.push_back(std::move(row));
    }
  }
  if (s.table.rows.empty()) return s;
  s.sentences.push_back(
      "Quantiles are exact, nearest rank. Intervals come from `run --intervals` (both ends of the 90 % interval of "
      "step times); a dash says that none was run.");
  return s;
}

Section figures_section(const std::vector<Column>& columns) {
  Section s{"figures", "All figures, compared"};
  const std::vector<RowOfCells> rows = rows_of(columns);
  if (rows.empty()) return s;
  s.sentences.push_back(columns.size() > 1 ? "Ratios are to the first result that fits."
                                           : "The figures of the terminal's table.");
  s.table.header = {"Figure"};
  for (const Column& c : columns) s.table.header.push_back(c.name);
  for (const RowOfCells& row : rows) {
    std::vector<std::string> cells = {row.group + ": " + row.label};
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      cells.push_back(row.cells[i] + (row.ratios[i].empty() ? "" : " (" + row.ratios[i] + ")"));
    }
    s.table.rows.push_back(std::move(cells));
  }
  return s;
}

// What a reader must know stands open: notes, step times, load, program. Sources of the hardware's figures are folded.
Section provenance_section(const ReportInputs& inputs) {
  Section s{"provenance", "Assumptions, provenance and checks"};
  const auto add_to = [](std::vector<std::string>& list, const std::string& text) {
    if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
  };
  const auto add = [&](const std::string& text) { add_to(s.points, text); };
  for (const Column& c : inputs.columns) {
    if (c.document.is_null()) continue;
    const Json& p = c.document["provenance"];
    for (const Json& note : c.document["notes"]) add("Note: " + flat_text(note));
    if (p.contains("step_time")) add("Step times: " + flat_text(p["step_time"]));
    if (p.contains("trace")) {
      const std::string digest = p["trace"].value("sha256", "");
      add(fmt::format("Trace {}, sha256 {}...", p["trace"].value("name", ""), digest.substr(0, 12)));
      add_to(s.more, "Trace sha256 " + digest);
    }
    if (p.contains("tool"))
      add(fmt::format("kvplan {}, commit {}, seed {}", p["tool"].value("version", ""),
                      p["tool"].value("git_commit", ""), p.value("seed", 0)));
    add_to(s.more, fmt::format("{}: {}", c.name, p.value("summary", "")));
    if (p.contains("hardware")) {
      for (const Json& x : p["hardware"]["sources"]) add_to(s.more, "Hardware: " + flat_text(x));
      for (const Json& x : p["hardware"]["notes"]) add_to(s.more, "Hardware note: " + flat_text(x));
    }
  }
  if (inputs.columns.empty()) return s;
  add("Checked in every run: each request is completed, refused or accounted for; the parts of each TTFT add up to it "
      "exactly; no memory exceeds its capacity. `kvplan run --check` recounts all books at every event.");
  return s;
}

// What is compared, on which load; of one result its summary.
std::string title_of(const ReportInputs& inputs, const Column* best) {
  if (inputs.columns.empty() && inputs.plans.size() == 1 && inputs.plans[0].contains("recommended") &&
      inputs.plans[0]["recommended"].is_object())
    return "kvplan: capacity plan, " + inputs.plans[0]["recommended"].value("name", "");
  if (!best) return "kvplan: report";
  if (inputs.columns.size() < 2) return "kvplan: " + text_at(*best, "/provenance/summary");
  constexpr std::size_t kNamed = 4;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(inputs.columns.size(), kNamed); ++i) names.push_back(inputs.columns[i].name);
  if (inputs.columns.size() > kNamed) names.push_back(fmt::format("{} more", inputs.columns.size() - kNamed));
  return fmt::format("kvplan: {} compared on {}, {}", fmt::join(names, ", "), text_at(*best, "/provenance/trace/name"),
                     text_at(*best, "/provenance/model/name"));
}

Page page_of(const ReportInputs& inputs) {
  const std::vector<Column>& columns = inputs.columns;
  const Column* best = recommended(columns);
  Page page;
  page.title = title_of(inputs, best);
  std::vector<Section> all = {verdict_section(inputs)};
  for (std::size_t i = 0; i < inputs.plans.size(); ++i) {
    for (Section& s : plan_sections(inputs.plans[i], i)) all.push_back(std::move(s));
  }
  if (best) {
    for (Section& s :
         std::vector<Section>{load_section(*best), targets_section(columns), chance_section(inputs),
                              parts_section(columns, *best), latency_section(columns), tiers_section(*best),
                              use_section(columns, *best), memory_section(columns), users_section(columns),
                              pareto_section(columns), sensitivity_section(columns), break_even_section(*best)}) {
      all.push_back(std::move(s));
    }
  }
  all.push_back(figures_section(columns));
  all.push_back(provenance_section(inputs));
  for (Section& s : all) {
    if (!s.sentences.empty() || !s.points.empty() || !s.table.rows.empty() || !s.charts.empty() || !s.more.empty())
      page.sections.push_back(std::move(s));
  }
  return page;
}

}  // namespace kvplan

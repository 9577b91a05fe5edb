#include "reports/sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/json_text.hpp"
#include "reports/charts.hpp"

namespace kvplan {
namespace {

constexpr const char* kCost = "/cost/usd_per_million_output_tokens";

bool completed_any(const Column& c) { return number_at(c, "/requests/completed").value_or(0) > 0; }

std::string usd(std::optional<double> v) { return v ? fmt::format("{:.2f}", *v) : "-"; }

double refused(const Column& c) { return number_at(c, "/requests/refused").value_or(0); }

std::string refused_words(const Column& c) {
  return fmt::format("{} of {}", human_count(refused(c)), human_count(number_at(c, "/requests/submitted").value_or(0)));
}

std::string target_words(const Column& c) {
  if (c.document.is_null() || c.document["targets"].empty()) return "none set";
  return targets_met(c.document) ? "met" : "MISSED";
}

// `of`: how many results it was chosen from.
std::string recommendation(std::size_t of, const Column& best) {
  const bool stable = text_at(best, "/verdict/state") == "stable", met = targets_met(best.document);
  const bool enough = stable && met && serves(best);
  const auto cost = number_at(best, kCost);
  std::string text = of == 1  ? best.name + (enough ? " is enough" : " is not enough")
                     : enough ? "Take " + best.name
                              : "None of these is enough; the nearest is " + best.name;
  text += fmt::format(": {}, TTFT p95 {}", text_at(best, "/verdict/state"),
                      marked(seconds_or_dash(number_at(best, "/latency/ttft_s/p95")), best));
  if (!best.document["targets"].empty()) text += met ? ", targets met" : ", a target missed";
  if (refused(best) > 0) text += fmt::format(", {} requests refused", refused_words(best));
  return text + (cost ? fmt::format(", {:.2f} USD per million output tokens.", *cost) : ".");
}

Grid verdict_table(const std::vector<Column>& columns, const Loads& loads) {
  const bool any_refused = std::any_of(columns.begin(), columns.end(), [](const Column& c) { return refused(c) > 0; });
  Grid g{{"Result", "State", "Bottleneck", "Targets"}, {}};
  if (loads.several()) g.header.insert(g.header.begin() + 1, "Load");
  if (any_refused) g.header.push_back("Refused");
  g.header.insert(g.header.end(), {"TTFT p95", "TPOT p95", "USD/M output tokens"});
  for (const Column& c : columns) {
    const bool fits = !c.document.is_null();
    std::vector<std::string>& row = g.rows.emplace_back();
    row.push_back(c.name);
    if (loads.several()) row.push_back(fits ? loads.of(c)->label : "-");
    row.push_back(fits ? text_at(c, "/verdict/state") : "does not fit");
    row.push_back(fits ? text_at(c, "/verdict/bottleneck") : c.infeasible);
    row.push_back(fits ? target_words(c) : "-");
    if (any_refused) row.push_back(refused(c) > 0 ? refused_words(c) : fits ? "0" : "-");
    for (const char* p : {"/latency/ttft_s/p95", "/latency/tpot_s/p95"}) {
      row.push_back(marked(seconds_or_dash(number_at(c, p)), c));
    }
    row.push_back(usd(number_at(c, kCost)));
  }
  return g;
}

// Each load has its own answer.
void recommend_by_load(Section& s, const Loads& loads) {
  constexpr std::size_t kMost = 16;
  s.sentences.push_back(fmt::format("These results are of {} loads, which differ in {}: each is judged among the "
                                    "results of its own load.",
                                    loads.each.size(), listed(loads.differ_in)));
  for (std::size_t i = 0; i < std::min(loads.each.size(), kMost); ++i) {
    const ColumnsOfLoad& load = loads.each[i];
    const Column* best = recommended(load.columns);
    s.points.push_back(load.label + ": " +
                       (best ? recommendation(load.columns.size(), *best) : "no request completed."));
  }
  if (loads.each.size() > kMost) {
    s.points.push_back(fmt::format("{} more loads stand in the table alone.", loads.each.size() - kMost));
  }
}

// The first load whose results completed anything is told in detail.
const Column* focus_of(const Loads& loads) {
  for (const ColumnsOfLoad& load : loads.each) {
    if (const Column* best = recommended(load.columns)) return best;
  }
  return nullptr;
}

// What is known of the spread of one latency: over replications, and over the interval of step times.
std::string interval_of(const Column& c, const std::string& metric) {
  const auto words = [&](const std::string& at, const char* middle) {
    const auto low = number_at(c, at + "low"), high = number_at(c, at + "high"), value = number_at(c, at + middle);
    if (!low || !high || !value) return std::string();
    return fmt::format("{} ({} to {})", human_seconds(*value), human_seconds(std::max(0.0, *low)),
                       human_seconds(*high));
  };
  const std::string runs = words(fmt::format("/confidence/latency/{}/p95/", metric), "value"),
                    steps = words(fmt::format("/interval/figures/{}_p95_s/", metric.substr(0, metric.size() - 2)),
                                  "central");
  std::string text;
  if (const auto replications = number_at(c, "/confidence/replications")) {
    text = runs.empty() ? "too few requests" : fmt::format("p95 {}", runs);
    text += fmt::format(", {:g} % over {}", 100 * number_at(c, "/confidence/level").value_or(0),
                        counted(*replications, "replication"));
  }
  if (!steps.empty()) text += fmt::format("{}p95 {}, 90 % of step times", text.empty() ? "" : "; ", steps);
  return text.empty() ? "-" : text;
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

std::string percent(std::optional<double> share) { return kvplan::share(share.value_or(std::nan(""))); }

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 12;
  if (names.size() <= kMost) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kMost, ", "), names.size() - kMost);
}

bool serves(const Column& c) { return refused(c) <= 0.05 * number_at(c, "/requests/submitted").value_or(0); }

bool is_comparable(const Column& c) { return serves(c) && text_at(c, "/verdict/state") == "stable"; }

const Column* recommended(const std::vector<const Column*>& columns) {
  const auto rank = [](const Column& c) {
    return std::tuple(!serves(c), !targets_met(c.document), text_at(c, "/verdict/state") != "stable",
                      number_at(c, kCost).value_or(1e300));
  };
  const Column* best = nullptr;
  for (const Column* c : columns) {
    if (completed_any(*c) && (!best || rank(*c) < rank(*best))) best = c;
  }
  return best;
}

Drawn drawn_of(const std::vector<Column>& columns, const Column& focus, bool (*has_any)(const Column&)) {
  constexpr std::size_t kMost = 8;  // as many as there are colours
  const Column* base = base_of(columns);
  Drawn drawn;
  std::size_t with_any = 0, room = kMost;
  if (base && has_any(*base)) --room;
  if (base != &focus && has_any(focus)) --room;
  for (const Column& c : columns) {
    if (!has_any(c)) continue;
    ++with_any;
    const bool must = &c == base || &c == &focus;
    if (!must && room == 0) continue;
    if (!must) --room;
    drawn.columns.push_back(&c);
  }
  if (drawn.columns.size() < with_any) {
    drawn.words = fmt::format(" {} of {} results are drawn.", drawn.columns.size(), with_any);
  }
  return drawn;
}

Section verdict_section(const ReportInputs& inputs) {
  Section s{"verdict", "Verdict and recommendation"};
  const Loads loads = loads_of(inputs.columns);
  if (loads.several()) {
    recommend_by_load(s, loads);
  } else if (const Column* best = focus_of(loads)) {
    s.sentences.push_back(recommendation(inputs.columns.size(), *best));
    s.sentences.push_back("The run is " + text_at(*best, "/verdict/state") + ": " + text_at(*best, "/verdict/reason") +
                          "; bottleneck " + text_at(*best, "/verdict/bottleneck") +
                          " (" + text_at(*best, "/verdict/bottleneck_reason") + ").");
  } else if (!inputs.columns.empty()) {
    s.sentences.push_back("No request completed in any of these results: there are no latencies to report.");
  }
  s.points.insert(s.points.end(), inputs.warnings.begin(), inputs.warnings.end());
  if (std::any_of(inputs.columns.begin(), inputs.columns.end(), is_marked)) {
    s.points.push_back(
        "An asterisk marks latencies of a run that is not stable: they grow with the length of the trace and are no "
        "property of the fleet.");
  }
  if (!inputs.columns.empty()) s.table = verdict_table(inputs.columns, loads);
  return s;
}

Section targets_section(const std::vector<Column>& columns) {
  Section s{"targets", "Latencies and targets"};
  s.table.header = {"Result", "Metric", "p50", "p90", "p95", "p99", "Target", "Interval"};
  for (const Column& c : columns) {
    if (!completed_any(c)) continue;
    for (const auto& [metric, title] : {std::pair{"ttft_s", "TTFT"}, {"tpot_s", "TPOT"}, {"e2e_s", "E2E"}}) {
      std::vector<std::string> row = {c.name, title};
      for (const char* q : {"p50", "p90", "p95", "p99"}) {
        row.push_back(marked(seconds_or_dash(number_at(c, fmt::format("/latency/{}/{}", metric, q))), c));
      }
      std::string target = "-";
      if (c.document["targets"].contains(metric)) {
        const Json& t = c.document["targets"][metric];
        target = fmt::format("p{:g} <= {}: {}", 100 * t["quantile"].get<double>(),
                             human_seconds(t["target_s"].get<double>()), t["met"].get<bool>() ? "met" : "MISSED");
      }
      row.insert(row.end(), {target, interval_of(c, metric)});
      s.table.rows.push_back(std::move(row));
    }
  }
  if (s.table.rows.empty()) return s;
  s.sentences.push_back(
      "Quantiles are exact, nearest rank. Intervals come from `run --replications` (of the load, behind its start-up) "
      "and `run --intervals` (of step times); a dash says that neither was run, or tells of this metric.");
  return s;
}

Section figures_section(const std::vector<Column>& columns, const Loads& loads) {
  Section s{"figures", columns.size() > 1 ? "All figures, compared" : "All figures"};
  const std::vector<RowOfCells> rows = rows_of(columns);
  if (rows.empty()) return s;
  s.sentences.push_back(columns.size() == 1 ? "The figures of the terminal's table."
                        : loads.several()   ? "Ratios are to the first result that fits, whatever its load."
                                            : "Ratios are to the first result that fits.");
  s.table.header = {"Figure"};
  for (const Column& c : columns) s.table.header.push_back(c.name);
  for (const RowOfCells& row : rows) {
    std::vector<std::string> cells = {row.group + ": " + row.label};
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      cells.push_back(marked(row, i, columns[i]) + (row.ratios[i].empty() ? "" : " (" + row.ratios[i] + ")"));
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

std::string plans_title(const std::vector<Json>& plans) {
  std::vector<std::string> fleets;
  for (const Json& plan : plans) fleets.push_back(plan_name(plan));
  return (plans.size() == 1 ? "capacity plan, " : "capacity plans, ") + listed(fleets);
}

// What is compared, on which load; of one result its summary.
std::string title_of(const ReportInputs& inputs, const Loads& loads, const Column* best) {
  if (inputs.columns.empty() && !inputs.plans.empty()) return "kvplan: " + plans_title(inputs.plans);
  if (!best) return "kvplan: report";
  if (inputs.columns.size() < 2) return "kvplan: " + text_at(*best, "/provenance/summary");
  constexpr std::size_t kNamed = 4;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(inputs.columns.size(), kNamed); ++i) names.push_back(inputs.columns[i].name);
  if (inputs.columns.size() > kNamed) names.push_back(fmt::format("{} more", inputs.columns.size() - kNamed));
  const std::string load =
      loads.several() ? fmt::format("{} loads", loads.each.size()) : text_at(*best, "/provenance/trace/name");
  return fmt::format("kvplan: {} compared on {}, {}", fmt::join(names, ", "), load,
                     text_at(*best, "/provenance/model/name"));
}

Page page_of(const ReportInputs& inputs) {
  const std::vector<Column>& columns = inputs.columns;
  const Loads loads = loads_of(columns);
  const Column* best = focus_of(loads);
  Page page;
  page.title = title_of(inputs, loads, best);
  std::vector<Section> all = {verdict_section(inputs)};
  for (std::size_t i = 0; i < inputs.plans.size(); ++i) {
    for (Section& s : plan_sections(inputs.plans[i], i, inputs.plans.size())) all.push_back(std::move(s));
  }
  if (best) {
    Section load = load_section(*best);
    if (loads.several()) load.title += " of " + loads.of(*best)->label;
    all.push_back(std::move(load));
    for (Section& s :
         std::vector<Section>{targets_section(columns), chance_section(inputs), parts_section(columns, *best),
                              latency_section(columns, *best), tiers_section(*best), use_section(columns, *best),
                              memory_section(columns), users_section(columns), pareto_section(columns, loads),
                              sensitivity_section(columns), break_even_section(*best)}) {
      all.push_back(std::move(s));
    }
  }
  all.push_back(figures_section(columns, loads));
  all.push_back(provenance_section(inputs));
  for (Section& s : all) {
    if (!s.sentences.empty() || !s.points.empty() || !s.table.rows.empty() || !s.charts.empty() || !s.more.empty() ||
        !s.listings.empty())
      page.sections.push_back(std::move(s));
  }
  return page;
}

}  // namespace kvplan

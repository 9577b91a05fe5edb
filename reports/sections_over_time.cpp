// Sections whose charts run over time: the load, the tiers, links and GPUs.
#include <fmt/format.h>

#include <algorithm>

#include "reports/charts.hpp"
#include "reports/sections.hpp"

namespace kvplan {
namespace {

const ChartAxis kTime{"time (s)", false, ""};

bool has_series(const Column& c) { return !c.document.is_null() && c.document.contains("series"); }

void add_curve(ChartRows& rows, const Json& at, const Json& values, const std::string& of, double scale = 1) {
  for (std::size_t i = 0; i < at.size() && i < values.size(); ++i) {
    if (values[i].is_number()) rows.push_back({at[i].get<double>(), values[i].get<double>() * scale, of, ""});
  }
}

// Of what is divided by the length of its interval. The last one ends with the run: where it is less than half a step
// long, a single event in it would tower over all others.
void add_rates(ChartRows& rows, const Json& at, const Json& values, const std::string& of, double scale = 1) {
  std::size_t whole = at.size();
  if (whole > 1) {
    const auto end = [&](std::size_t i) { return at[i].get<double>(); };
    const double step = whole > 2 ? end(whole - 2) - end(whole - 3) : end(0);
    if (end(whole - 1) - end(whole - 2) < step / 2) --whole;
  }
  ChartRows all;
  add_curve(all, at, values, of, scale);
  for (const ChartRow& r : all) {
    if (r.x <= at[whole - 1].get<double>()) rows.push_back(r);
  }
}

double peak(const ChartRows& rows, const std::string& of) {
  double most = 0;
  for (const ChartRow& r : rows) {
    if (r.of == of) most = std::max(most, r.y);
  }
  return most;
}

// What happens between samples is not in them.
std::string instants_of(const Json& series) {
  const auto n = static_cast<double>(series["at_s"].size());
  return n == 1 ? "the one instant that was sampled" : fmt::format("the {} instants that were sampled", human_count(n));
}

std::string tier_title(const std::string& name) {
  return name == "hbm" ? "HBM" : name == "dram" ? "DRAM" : name == "ssd" ? "SSD" : "remote";
}

// A large fleet has thousands of links: those with the fullest interval, and a sentence where there are more.
std::pair<ChartRows, std::string> fullest_links(const Json& series) {
  constexpr std::size_t kMost = 8;
  std::vector<std::pair<double, ChartRows>> all;
  for (const Json& link : series["links"]) {
    const auto name = link["name"].get<std::string>();
    ChartRows rows;
    add_rates(rows, series["at_s"], link["bytes_per_s"], name, 1 / link["capacity_bytes_per_s"].get<double>());
    all.emplace_back(peak(rows, name), std::move(rows));
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  ChartRows drawn;
  for (std::size_t i = 0; i < std::min(all.size(), kMost); ++i) {
    drawn.insert(drawn.end(), all[i].second.begin(), all[i].second.end());
  }
  return {drawn, all.size() <= kMost ? "" : fmt::format(" The {} fullest of {} links are drawn.", kMost, all.size())};
}

}  // namespace

Section load_section(const Column& c) {
  Section s{"load", "The load"};
  const double requests = number_at(c, "/requests/submitted").value_or(0);
  const double completed = std::max(number_at(c, "/requests/completed").value_or(0), 1.0);
  s.sentences.push_back(fmt::format(
      "{} of {} ({}), {} prompt tokens each on the mean; {} refused.", counted(requests, "request"),
      counted(number_at(c, "/provenance/trace/sessions").value_or(0), "session"), text_at(c, "/provenance/trace/name"),
      human_count(number_at(c, "/kv/prompt_tokens").value_or(0) / completed),
      human_count(number_at(c, "/requests/refused").value_or(0))));
  if (!has_series(c) || !c.document["series"].contains("arrivals_per_s")) return s;
  const Json& series = c.document["series"];
  ChartRows rates, backlog;
  add_rates(rates, series["at_s"], series["arrivals_per_s"], "arrivals");
  add_rates(rates, series["at_s"], series["completions_per_s"], "completions");
  add_curve(backlog, series["at_s"], series["queued"], "queued");
  add_curve(backlog, series["at_s"], series["running"], "running");
  s.charts.push_back(
      {"arrivals", "Arrivals and completions",
       fmt::format("Arrivals peak at {} a second, completions at {}, as means of an interval.",
                   plain(peak(rates, "arrivals")), plain(peak(rates, "completions"))),
       line_chart("Arrivals and completions over time", kTime, {"requests per second", false, ""}, rates, true),
       curves_table("time (s)", rates, plain)});
  s.charts.push_back({"backlog", "Queue and running requests",
                      fmt::format("At {} at most {} wait and {} run ({}).", instants_of(series),
                                  counted(peak(backlog, "queued"), "request"), human_count(peak(backlog, "running")),
                                  c.name),
                      line_chart("Queued and running requests over time", kTime, {"requests", false, ""}, backlog),
                      curves_table("time (s)", backlog, plain)});
  return s;
}

Section tiers_section(const Column& c) {
  Section s{"tiers", "Where the prompts' KV came from"};
  if (!has_series(c) || !c.document["series"].contains("hit_share_of_prompt")) return s;
  const Json& series = c.document["series"];
  const double prompt = std::max(number_at(c, "/kv/prompt_tokens").value_or(0), 1.0);
  ChartRows hits, fill;
  std::string words;
  for (const auto& [name, values] : series["hit_share_of_prompt"].items()) {
    const double tokens = number_at(c, "/kv/hit_tokens/" + name).value_or(0);
    if (tokens <= 0) continue;
    add_curve(hits, series["at_s"], values, tier_title(name));
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", share(tokens / prompt), tier_title(name));
  }
  if (!hits.empty()) {
    s.charts.push_back(
        {"hits", "Hits by tier over time",
         fmt::format("Of all prompt tokens of {} came from a cache: {}; the rest was computed.", c.name, words),
         stacked_areas("Share of prompt tokens found in each tier, over time", kTime,
                       {"share of prompt tokens", false, "%"}, hits),
         curves_table("time (s)", hits, share)});
  }
  add_curve(fill, series["at_s"], series["hbm_kv"]["used_fraction"], "HBM, with content");
  add_curve(fill, series["at_s"], series["hbm_kv"]["held_fraction"], "HBM, held by requests");
  for (const Json& tier : series["below"]) {
    const double capacity = tier["capacity_bytes"].get<double>();
    if (capacity > 0)
      add_curve(fill, series["at_s"], tier["used_bytes"], tier_title(tier["name"].get<std::string>()), 1 / capacity);
  }
  s.charts.push_back(
      {"occupancy", "How full each tier is",
       fmt::format("At {} HBM's KV pages are at most {} full, and requests hold at most {} of them.",
                   instants_of(series), share(peak(fill, "HBM, with content")),
                   share(peak(fill, "HBM, held by requests"))),
       line_chart("Share of each tier's capacity in use, over time", kTime, {"share of capacity", false, "%"}, fill),
       curves_table("time (s)", fill, share)});
  return s;
}

Section use_section(const std::vector<Column>& columns, const Column& focus) {
  Section s{"use", "GPUs and links"};
  ChartRows gpu;
  const Drawn drawn = drawn_of(columns, focus, has_series);
  for (const Column* c : drawn.columns) {
    add_rates(gpu, c->document["series"]["at_s"], c->document["series"]["gpu_busy_fraction"], c->name);
  }
  if (gpu.empty()) return s;
  s.charts.push_back(
      {"gpu", "GPU time in steps",
       fmt::format("The GPUs of {} compute {} of the time and wait for loads {}.{}", focus.name,
                   percent(number_at(focus, "/gpu/busy_fraction")),
                   percent(number_at(focus, "/gpu/waiting_for_load_fraction")), drawn.words),
       line_chart("Share of time that the GPUs compute, over time", kTime, {"busy", false, "%"}, gpu, true),
       curves_table("time (s)", gpu, share)});
  if (!has_series(focus)) return s;
  const auto [links, told] = fullest_links(focus.document["series"]);
  if (links.empty()) {
    s.sentences.push_back("No link carried KV in " + focus.name + ".");
    return s;
  }
  const auto most =
      std::max_element(links.begin(), links.end(), [](const ChartRow& a, const ChartRow& b) { return a.y < b.y; });
  s.charts.push_back({"links", "Links, as a share of their bandwidth",
                      fmt::format("The fullest interval is one of {}: {} of its bandwidth ({}).{}", most->of,
                                  share(most->y), focus.name, told),
                      line_chart("Bytes moved by each link as a share of its bandwidth, over time", kTime,
                                 {"share of bandwidth", false, "%"}, links, true),
                      curves_table("time (s)", links, share)});
  return s;
}

}  // namespace kvplan

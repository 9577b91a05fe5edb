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

double peak(const ChartRows& rows, const std::string& of) {
  double most = 0;
  for (const ChartRow& r : rows) {
    if (r.of == of) most = std::max(most, r.y);
  }
  return most;
}

std::string tier_title(const std::string& name) {
  return name == "hbm" ? "HBM" : name == "dram" ? "DRAM" : name == "ssd" ? "SSD" : "remote";
}

}  // namespace

Section load_section(const Column& c) {
  Section s{"load", "The load"};
  const double requests = number_at(c, "/requests/submitted").value_or(0);
  const double completed = std::max(number_at(c, "/requests/completed").value_or(0), 1.0);
  s.sentences.push_back(fmt::format(
      "{} requests of {} sessions ({}), {} prompt tokens each on the mean; {} refused.", human_count(requests),
      human_count(number_at(c, "/provenance/trace/sessions").value_or(0)), text_at(c, "/provenance/trace/name"),
      human_count(number_at(c, "/kv/prompt_tokens").value_or(0) / completed),
      human_count(number_at(c, "/requests/refused").value_or(0))));
  if (!has_series(c) || !c.document["series"].contains("arrivals_per_s")) return s;
  const Json& series = c.document["series"];
  ChartRows rates, backlog;
  add_curve(rates, series["at_s"], series["arrivals_per_s"], "arrivals");
  add_curve(rates, series["at_s"], series["completions_per_s"], "completions");
  add_curve(backlog, series["at_s"], series["queued"], "queued");
  add_curve(backlog, series["at_s"], series["running"], "running");
  s.charts.push_back(
      {"arrivals", "Arrivals and completions",
       fmt::format("Arrivals peak at {:.3g} a second, completions at {:.3g}.", peak(rates, "arrivals"),
                   peak(rates, "completions")),
       line_chart("Arrivals and completions over time", kTime, {"requests per second", false, ""}, rates, true),
       curves_table("time (s)", rates, plain)});
  s.charts.push_back({"backlog", "Queue and running requests",
                      fmt::format("At most {} requests wait and {} run at once ({}).",
                                  human_count(peak(backlog, "queued")), human_count(peak(backlog, "running")), c.name),
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
       fmt::format("HBM's KV pages are at most {} full, {} of them held by requests at the peak.",
                   share(peak(fill, "HBM, with content")), share(peak(fill, "HBM, held by requests"))),
       line_chart("Share of each tier's capacity in use, over time", kTime, {"share of capacity", false, "%"}, fill),
       curves_table("time (s)", fill, share)});
  return s;
}

Section use_section(const std::vector<Column>& columns, const Column& focus) {
  Section s{"use", "GPUs and links"};
  ChartRows gpu, links;
  constexpr std::size_t kMost = 8;
  std::size_t shown = 0;
  for (const Column& c : columns) {
    if (!has_series(c) || shown == kMost) continue;
    ++shown;
    add_curve(gpu, c.document["series"]["at_s"], c.document["series"]["gpu_busy_fraction"], c.name);
  }
  if (gpu.empty()) return s;
  s.charts.push_back(
      {"gpu", "GPU time in steps",
       fmt::format("The GPUs of {} compute {} of the time and wait for loads {}.", focus.name,
                   percent(number_at(focus, "/gpu/busy_fraction")),
                   percent(number_at(focus, "/gpu/waiting_for_load_fraction"))),
       line_chart("Share of time that the GPUs compute, over time", kTime, {"busy", false, "%"}, gpu, true),
       curves_table("time (s)", gpu, share)});
  if (!has_series(focus)) return s;
  const Json& series = focus.document["series"];
  for (const Json& link : series["links"]) {
    add_curve(links, series["at_s"], link["bytes_per_s"], link["name"].get<std::string>(),
              1 / link["capacity_bytes_per_s"].get<double>());
  }
  if (links.empty()) {
    s.sentences.push_back("No link carried KV in " + focus.name + ".");
    return s;
  }
  const auto most =
      std::max_element(links.begin(), links.end(), [](const ChartRow& a, const ChartRow& b) { return a.y < b.y; });
  s.charts.push_back({"links", "Links, as a share of their bandwidth",
                      fmt::format("The fullest interval is one of {}: {} of its bandwidth ({}).", most->of,
                                  share(most->y), focus.name),
                      line_chart("Bytes moved by each link as a share of its bandwidth, over time", kTime,
                                 {"share of bandwidth", false, "%"}, links, true),
                      curves_table("time (s)", links, share)});
  return s;
}

}  // namespace kvplan

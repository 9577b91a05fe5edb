// kvplan trace stat
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_text.hpp"
#include "cli/trace_page.hpp"
#include "cli/trace_verbs.hpp"
#include "reports/write.hpp"
#include "traces/rearrange.hpp"
#include "traces/reuse.hpp"
#include "traces/statistics.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

// null where there are no values.
Json summary_json(const Summary& s) {
  if (s.percentiles.empty()) return nullptr;
  return {{"mean", s.mean}, {"p10", s.p10}, {"p50", s.p50}, {"p90", s.p90}, {"p99", s.p99}, {"max", s.max}};
}

Json reuse_json(const Reuse& r) {
  Json parts = Json::array(), sets = Json::array();
  for (const TracePart& p : r.parts) {
    parts.push_back({{"from_s", p.from_s},
                     {"turns", p.turns},
                     {"output_tokens", p.output_tokens},
                     {"prompt_tokens", p.prompt_tokens},
                     {"reused_tokens", p.reused_tokens},
                     {"unique_blocks", p.unique_blocks}});
  }
  for (const WorkingSet& set : r.working_sets) {
    sets.push_back({{"window_s", set.window_s}, {"mean_tokens", set.mean_tokens}, {"max_tokens", set.max_tokens}});
  }
  return {{"interval_s", summary_json(r.interval_s)},
          {"interval_tokens", summary_json(r.interval_tokens)},
          {"stack_distance_tokens", summary_json(r.stack_distance_tokens)},
          {"used_once_share", r.used_once_share},
          {"parts", parts},
          {"working_sets", sets}};
}

Json stat_json(const Workload& w, const TraceStatistics& s, const Reuse& r) {
  return {{"name", w.name},
          {"format", w.format},
          {"sha256", w.sha256},
          {"block_tokens", w.block_tokens},
          {"turns", s.turns},
          {"closed_loop_turns", s.closed_loop_turns},
          {"duration_s", s.duration_s},
          {"turns_per_s", s.turns_per_s},
          {"gap_cv", s.gap_cv},
          {"peak_to_mean_minute", s.peak_to_mean_minute},
          {"think_s", summary_json(s.think_s)},
          {"tick_s", seconds(s.tick)},
          {"total_prompt_tokens", s.total_prompt_tokens},
          {"total_output_tokens", s.total_output_tokens},
          {"prompt_tokens", summary_json(s.prompt_tokens)},
          {"output_tokens", summary_json(s.output_tokens)},
          {"prompt_blocks", s.prompt_blocks},
          {"unique_blocks", s.unique_blocks},
          {"unique_tokens", s.unique_tokens},
          {"infinite_hit_rate_blocks", s.infinite_hit_rate_blocks},
          {"infinite_hit_rate_tokens", s.infinite_hit_rate_tokens},
          {"mean_turn_hit_rate_blocks", s.mean_turn_hit_rate_blocks},
          {"mean_turn_hit_rate_tokens", s.mean_turn_hit_rate_tokens},
          {"distinct_first_blocks", s.distinct_first_blocks},
          {"sessions", s.sessions},
          {"multi_turn_sessions", s.multi_turn_sessions},
          {"turns_of_multi_turn_sessions", summary_json(s.turns_of_multi_turn_sessions)},
          {"follow_up_turns", s.follow_up_turns},
          {"whole_answer_share", s.whole_answer_share},
          {"growth_tokens", summary_json(s.growth_tokens)},
          {"gap_s", summary_json(s.gap_s)},
          {"reuse", reuse_json(r)}};
}

std::string summary_row(const char* name, const Summary& s) {
  std::string text = fmt::format("  {:<26}", name);
  for (const double value : {s.mean, s.p10, s.p50, s.p90, s.p99, s.max}) {
    text += s.percentiles.empty() ? fmt::format("{:>12}", "-")
            : value < 1e6         ? fmt::format("{:>12.6g}", value)
                                  : fmt::format("{:>12.0f}", value);
  }
  return text + '\n';
}

std::string reuse_table(const Reuse& r) {
  std::string text = summary_row("reuse interval, s", r.interval_s) +
                     summary_row("reuse interval, tokens", r.interval_tokens) +
                     summary_row("stack distance, tokens", r.stack_distance_tokens);
  text += fmt::format("\n  {:<26}{:>10}{:>16}{:>16}{:>16}{:>16}\n", "from, s", "turns", "output tokens", "prompt tokens", "of them reused",
                      "unique blocks");
  for (const TracePart& p : r.parts) {
    text += fmt::format("  {:<26.0f}{:>10}{:>16}{:>16}{:>16}{:>16}\n", p.from_s, p.turns, p.output_tokens, p.prompt_tokens, p.reused_tokens,
                        p.unique_blocks);
  }
  text += fmt::format("\n  {:<26}{:>26}{:>16}\n", "working set, window of s", "mean tokens", "max tokens");
  for (const WorkingSet& set : r.working_sets) {
    text += fmt::format("  {:<26g}{:>26.0f}{:>16.0f}\n", set.window_s, set.mean_tokens, set.max_tokens);
  }
  return text;
}

std::string stat_table(const Workload& w, const TraceStatistics& s, const Reuse& r) {
  std::string text =
      fmt::format("{} ({}, blocks of {} tokens)\nsha256 {}\n\n", w.name, w.format, w.block_tokens, w.sha256);
  const auto row = [&](const char* name, const std::string& value) {
    text += fmt::format("  {:<26}{}\n", name, value);
  };
  row("turns", fmt::format("{} in {:.1f} s, {:.3g} a second", s.turns, s.duration_s, s.turns_per_s));
  if (s.duration_s > 0)
    row("burstiness",
        fmt::format("gaps of CV {:.2f}; busiest minute {:.2f} times the mean", s.gap_cv, s.peak_to_mean_minute));
  if (s.closed_loop_turns > 0)
    row("closed loop", fmt::format("{} of them wait for the turn before", s.closed_loop_turns));
  row("clock", s.tick > Time(0) ? fmt::format("ticks of {:g} s: a run spreads arrivals inside them", seconds(s.tick))
                                : std::string("not quantised"));
  row("tokens", fmt::format("{} of prompts, {} of answers", s.total_prompt_tokens, s.total_output_tokens));
  row("blocks",
      fmt::format("{} of prompts, {} distinct ({} tokens), {:.1f} % of them used once; {} distinct first blocks",
                  s.prompt_blocks, s.unique_blocks, s.unique_tokens, 100 * r.used_once_share, s.distinct_first_blocks));
  row("hit rate, infinite cache",
      fmt::format("{:.4f} of tokens, {:.4f} of blocks; mean of turns {:.4f}, {:.4f}", s.infinite_hit_rate_tokens,
                  s.infinite_hit_rate_blocks, s.mean_turn_hit_rate_tokens, s.mean_turn_hit_rate_blocks));
  row("sessions", fmt::format("{}, of them {} with several turns", s.sessions, s.multi_turn_sessions));
  row("follow-ups",
      fmt::format("{}; {:.1f} % contain the whole answer before", s.follow_up_turns, 100 * s.whole_answer_share));
  text +=
      fmt::format("\n  {:<26}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}\n", "", "mean", "p10", "p50", "p90", "p99", "max");
  text += summary_row("prompt tokens", s.prompt_tokens) + summary_row("output tokens", s.output_tokens);
  text += summary_row("turns, where several", s.turns_of_multi_turn_sessions);
  text += summary_row("growth tokens", s.growth_tokens) + summary_row("gap between turns, s", s.gap_s);
  if (s.closed_loop_turns > 0) text += summary_row("think time, s", s.think_s);
  return text + reuse_table(r);
}

std::string format_of(const po::variables_map& values, const std::string& out) {
  const Words formats = {"table", "json", "html", "md"};
  if (values.count("format")) return choice(values, "format", formats);
  const auto named = std::find_if(formats.begin(), formats.end(), [&](const auto& f) { return out.ends_with("." + f); });
  return named == formats.end() ? "table" : *named;
}

std::string rendered(const Workload& w, const TraceStatistics& s, const Reuse& r, const std::string& format) {
  if (format == "json") return json_text(stat_json(w, s, r), 2) + "\n";
  if (format == "table") return stat_table(w, s, r);
  const Page page = trace_page(w, s, r);
  return format == "md" ? page_markdown(page) : page_html(page);
}

}  // namespace

ExitCode trace_stat(const Words& arguments, Streams streams) {
  po::options_description options = trace_options();
  options.add_options()("parts", po::value<std::string>()->value_name("N")->default_value("6"),
                        "Equal parts of its duration that the series over time have, 1 to 10000; in pages, 60 unless "
                        "given.")(
      "format", po::value<std::string>()->value_name("table|json|html|md"),
      "Form of the result; without, what the name of --out ends in, or table. html: a page with pictures.")(
      "out", po::value<std::string>()->value_name("FILE"), "Write there, whole or not at all; without, to stdout.");
  const po::variables_map values = parse_trace_arguments(options, "trace", arguments);
  if (values.count("help")) {
    streams.out
        << "usage: kvplan trace stat TRACE [options]\n\nWhat a trace holds: lengths, arrivals, sessions, sharing.\n\n"
        << options;
    return ExitCode::done;
  }
  const std::string out = values.count("out") ? values["out"].as<std::string>() : "";
  const std::string format = format_of(values, out);
  std::int64_t parts = 0;
  if (!parse_whole(values["parts"].as<std::string>(), parts) || parts < 1 || parts > 10000) {
    throw UsageError(fmt::format("--parts is \"{}\", expected 1 to 10000", values["parts"].as<std::string>()));
  }
  if (values["parts"].defaulted() && (format == "html" || format == "md")) parts = 60;
  const Workload workload = load_for_verb(values, streams);
  const TraceStatistics s = trace_statistics(workload);
  const Reuse r = reuse_of(workload, static_cast<std::size_t>(parts));
  const std::string text = rendered(workload, s, r, format);
  if (out.empty()) {
    streams.out << text;
  } else {
    write_file(out, text);
    streams.err << fmt::format("statistics: {}\n", out);
  }
  if (format == "html" && !no_charts_reason().empty()) {
    streams.err << fmt::format("note: the page has no charts: {}\n", no_charts_reason());
  }
  return ExitCode::done;
}

}  // namespace kvplan

// kvplan trace stat|mrc|synth
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/arguments.hpp"
#include "cli/verb.hpp"
#include "traces/load.hpp"
#include "traces/stack_distance.hpp"
#include "traces/statistics.hpp"
#include "traces/synth.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

constexpr double kInfinite = std::numeric_limits<double>::infinity();

po::options_description trace_options() {
  po::options_description d("Options", 110, 70);
  d.add_options()("help,h", "Print this.")("strict", "Refuse a trace that would have to be repaired.")(
      "block-tokens", po::value<std::string>()->value_name("N")->default_value("512"),
      "Tokens that one hash of the trace covers.");
  return d;
}

po::variables_map parse(const po::options_description& shown, const char* positional, const Words& arguments) {
  po::options_description all;
  all.add(shown).add_options()(positional, po::value<std::string>());
  return parse_arguments(all, {positional}, arguments);
}

std::string choice(const po::variables_map& values, const char* option, const Words& allowed) {
  const std::string name = values[option].as<std::string>();
  if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) return name;
  throw UsageError(fmt::format("--{} must be one of {}, not \"{}\"", option, fmt::join(allowed, ", "), name),
                   suggestion(name, allowed));
}

template <class T>
bool parse_whole(const std::string& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// Arrivals as recorded: nothing here depends on where in its tick a turn arrives.
Workload load(const po::variables_map& values, Streams streams) {
  if (!values.count("trace")) throw UsageError("which trace?", "give the path of a Mooncake JSONL file");
  LoadOptions options;
  options.tick = Time(0);
  options.strict = values.count("strict") > 0;
  const std::string block = values["block-tokens"].as<std::string>();
  if (!parse_whole(block, options.block_tokens) || options.block_tokens < 1 || options.block_tokens > 65536) {
    throw UsageError(fmt::format("--block-tokens is \"{}\", expected an integer from 1 to 65536", block));
  }
  Workload workload = load_workload(values["trace"].as<std::string>(), options);
  for (const WorkloadNote& n : workload.notes) streams.err << fmt::format("note: {} ({} rows)\n", n.what, n.rows);
  return workload;
}

// ---- stat

Json summary_json(const Summary& s) {
  return {{"mean", s.mean}, {"p10", s.p10}, {"p50", s.p50}, {"p90", s.p90}, {"p99", s.p99}, {"max", s.max}};
}

Json stat_json(const Workload& w, const TraceStatistics& s) {
  return {{"name", w.name},
          {"format", w.format},
          {"sha256", w.sha256},
          {"block_tokens", w.block_tokens},
          {"turns", s.turns},
          {"closed_loop_turns", s.closed_loop_turns},
          {"duration_s", s.duration_s},
          {"turns_per_s", s.turns_per_s},
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
          {"sessions", s.sessions},
          {"multi_turn_sessions", s.multi_turn_sessions},
          {"turns_of_multi_turn_sessions", summary_json(s.turns_of_multi_turn_sessions)},
          {"follow_up_turns", s.follow_up_turns},
          {"whole_answer_share", s.whole_answer_share},
          {"growth_tokens", summary_json(s.growth_tokens)},
          {"gap_s", summary_json(s.gap_s)}};
}

std::string summary_row(const char* name, const Summary& s) {
  return fmt::format("  {:<26}{:>10.1f}{:>10.6g}{:>10.6g}{:>10.6g}{:>10.6g}{:>10.6g}\n", name, s.mean, s.p10, s.p50,
                     s.p90, s.p99, s.max);
}

std::string stat_table(const Workload& w, const TraceStatistics& s) {
  std::string text =
      fmt::format("{} ({}, blocks of {} tokens)\nsha256 {}\n\n", w.name, w.format, w.block_tokens, w.sha256);
  const auto row = [&](const char* name, const std::string& value) {
    text += fmt::format("  {:<26}{}\n", name, value);
  };
  row("turns", fmt::format("{} in {:.1f} s, {:.3g} a second", s.turns, s.duration_s, s.turns_per_s));
  if (s.closed_loop_turns > 0)
    row("closed loop", fmt::format("{} of them wait for the turn before", s.closed_loop_turns));
  row("clock", s.tick > Time(0) ? fmt::format("ticks of {:g} s: a run spreads arrivals inside them", seconds(s.tick))
                                : std::string("not quantised"));
  row("tokens", fmt::format("{} of prompts, {} of answers", s.total_prompt_tokens, s.total_output_tokens));
  row("blocks",
      fmt::format("{} of prompts, {} distinct ({} tokens)", s.prompt_blocks, s.unique_blocks, s.unique_tokens));
  row("hit rate, infinite cache",
      fmt::format("{:.4f} of tokens, {:.4f} of blocks", s.infinite_hit_rate_tokens, s.infinite_hit_rate_blocks));
  row("sessions", fmt::format("{}, of them {} with several turns", s.sessions, s.multi_turn_sessions));
  row("follow-ups",
      fmt::format("{}; {:.1f} % contain the whole answer before", s.follow_up_turns, 100 * s.whole_answer_share));
  text +=
      fmt::format("\n  {:<26}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "", "mean", "p10", "p50", "p90", "p99", "max");
  text += summary_row("prompt tokens", s.prompt_tokens) + summary_row("output tokens", s.output_tokens);
  text += summary_row("turns, where several", s.turns_of_multi_turn_sessions);
  return text + summary_row("growth tokens", s.growth_tokens) + summary_row("gap between turns, s", s.gap_s);
}

ExitCode stat(const Words& arguments, Streams streams) {
  po::options_description options = trace_options();
  options.add_options()("format", po::value<std::string>()->value_name("table|json")->default_value("table"),
                        "Form of the result.");
  const po::variables_map values = parse(options, "trace", arguments);
  if (values.count("help")) {
    streams.out
        << "usage: kvplan trace stat TRACE [options]\n\nWhat a trace holds: lengths, arrivals, sessions, sharing.\n\n"
        << options;
    return ExitCode::done;
  }
  const std::string format = choice(values, "format", {"table", "json"});
  const Workload workload = load(values, streams);
  const TraceStatistics s = trace_statistics(workload);
  streams.out << (format == "json" ? stat_json(workload, s).dump(2) + "\n" : stat_table(workload, s));
  return ExitCode::done;
}

// ---- mrc

std::vector<double> parse_capacities(const std::string& list) {
  std::vector<double> capacities;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) {
    double value = word == "inf" ? kInfinite : 0;
    const bool number =
        word != "inf" && parse_whole(word, value) && std::isfinite(value) && value >= 0 && value <= 1e15;
    if (word != "inf" && !number) {
      throw UsageError(fmt::format("--capacity-tokens holds \"{}\", expected tokens from 0 to 1e15, or inf", word),
                       "separate them by commas: --capacity-tokens 1e6,2e6,inf");
    }
    capacities.push_back(value);
  }
  if (list.empty() || list.back() == ',') throw UsageError("--capacity-tokens ends where a capacity should follow");
  return capacities;
}

// 1, 2, 5 times powers of ten, from 10k tokens to the first that holds the whole trace; then infinity.
std::vector<double> default_capacities(const Workload& workload) {
  const double all = static_cast<double>(workload.block_count()) * workload.block_tokens;
  std::vector<double> capacities;
  for (double decade = 1e4; capacities.empty() || capacities.back() < all; decade *= 10) {
    for (const double step : {1, 2, 5}) {
      if (capacities.empty() || capacities.back() < all) capacities.push_back(step * decade);
    }
  }
  capacities.push_back(kInfinite);
  return capacities;
}

Json capacity_json(double tokens) {
  if (tokens == kInfinite) return "inf";
  return tokens == std::floor(tokens) ? Json(static_cast<std::int64_t>(tokens)) : Json(tokens);
}

Json mrc_json(const Workload& workload, const HitCurve& curve, const std::vector<double>& capacities) {
  Json points = Json::array();
  for (const double tokens : capacities) {
    const std::int64_t blocks =
        tokens == kInfinite ? std::numeric_limits<std::int64_t>::max() : std::llround(tokens / workload.block_tokens);
    points.push_back({{"capacity_tokens", capacity_json(tokens)},
                      {"hit_rate_tokens", curve.token_hit_rate(blocks)},
                      {"hit_rate_blocks", curve.block_hit_rate(blocks)}});
  }
  return points;
}

std::string mrc_text(const Json& points, bool csv) {
  std::string text =
      csv ? "capacity_tokens,hit_rate_tokens,hit_rate_blocks\n"
          : fmt::format("{:>16}{:>18}{:>18}\n", "capacity, tokens", "hit rate, tokens", "hit rate, blocks");
  for (const Json& p : points) {
    const std::string capacity = p["capacity_tokens"].is_string() ? "inf" : p["capacity_tokens"].dump();
    const double tokens = p["hit_rate_tokens"], blocks = p["hit_rate_blocks"];
    text += csv ? fmt::format("{},{},{}\n", capacity, tokens, blocks)
                : fmt::format("{:>16}{:>18.4f}{:>18.4f}\n", capacity, tokens, blocks);
  }
  return text;
}

ExitCode mrc(const Words& arguments, Streams streams) {
  po::options_description options = trace_options();
  options.add_options()("policy", po::value<std::string>()->value_name("lru")->default_value("lru"),
                        "Eviction policy.")(
      "capacity-tokens", po::value<std::string>()->value_name("LIST"),
      "Capacities, separated by commas; 1e6 and inf are understood. Without: 1, 2, 5 times powers of ten.")(
      "touch", po::value<std::string>()->value_name("head-to-tail|tail-to-head")->default_value("head-to-tail"),
      "Order in which a prompt's blocks are touched; an engine's own eviction is like tail-to-head.")(
      "format", po::value<std::string>()->value_name("table|json|csv")->default_value("table"), "Form of the result.");
  const po::variables_map values = parse(options, "trace", arguments);
  if (values.count("help")) {
    streams.out << "usage: kvplan trace mrc TRACE [options]\n\nHit rate of a prefix cache against its capacity, "
                   "exactly, in one "
                   "pass.\n\n"
                << options
                << "\nExample:\n  kvplan trace mrc TRACE --policy lru --capacity-tokens 1e6,2e6 --format json\n";
    return ExitCode::done;
  }
  const std::string policy = values["policy"].as<std::string>();
  if (policy != "lru")
    throw UsageError(fmt::format("no policy \"{}\" for trace mrc", policy), "the curve exists for lru");
  const std::string touch = choice(values, "touch", {"head-to-tail", "tail-to-head"});
  const std::string format = choice(values, "format", {"table", "json", "csv"});
  std::vector<double> capacities;
  if (values.count("capacity-tokens")) capacities = parse_capacities(values["capacity-tokens"].as<std::string>());
  const Workload workload = load(values, streams);
  if (capacities.empty()) capacities = default_capacities(workload);
  const auto order = touch == "head-to-tail" ? TouchOrder::head_to_tail : TouchOrder::tail_to_head;
  const Json points = mrc_json(workload, lru_hit_curve(workload, order), capacities);
  const Json document = {{"trace", workload.name},
                         {"sha256", workload.sha256},
                         {"policy", policy},
                         {"touch", touch},
                         {"block_tokens", workload.block_tokens},
                         {"points", points}};
  streams.out << (format == "json" ? document.dump(2) + "\n" : mrc_text(points, format == "csv"));
  return ExitCode::done;
}

// ---- synth

std::string shown(const SynthSetting& setting) {
  return std::visit([](const auto* v) { return fmt::format("{}", *v); }, setting.value);
}

void assign(const SynthSetting& setting, const std::string& text) {
  const bool understood = std::visit([&](auto* v) { return parse_whole(text, *v); }, setting.value);
  if (!understood) {
    throw UsageError(fmt::format("--{} is \"{}\", expected {} from {} to {}", setting.name, text,
                                 std::holds_alternative<double*>(setting.value) ? "a number" : "an integer",
                                 setting.low, setting.high));
  }
}

po::options_description synth_flags() {
  po::options_description d("Options", 110, 70);
  d.add_options()("help,h", "Print this.")("out", po::value<std::string>()->value_name("FILE")->default_value("-"),
                                           "Where to write; gzipped if the name ends in .gz; -: stdout.")(
      "preset", po::value<std::string>()->value_name("NAME")->default_value("chat"),
      fmt::format("Settings to start from: {}.", fmt::join(synth_presets(), ", ")).c_str());
  SynthOptions defaults;
  for (const SynthSetting& s : synth_settings(defaults)) {
    d.add_options()(s.name.c_str(), po::value<std::string>()->value_name("N"),
                    fmt::format("{} [{}]", s.help, shown(s)).c_str());
  }
  return d;
}

ExitCode synth(const Words& arguments, Streams streams) {
  const po::options_description flags = synth_flags();
  const po::variables_map values = parse_arguments(flags, {}, arguments);
  if (values.count("help")) {
    streams.out << "usage: kvplan trace synth [options]\n\nWrites synthetic multi-turn chat as a Mooncake trace; the "
                   "same settings "
                   "give the same bytes.\nThe values in brackets are those of the preset chat.\n\n"
                << flags
                << "\nExample:\n  kvplan trace synth --preset chat --sessions 1000 --seed 7 --out chat.jsonl.gz\n";
    return ExitCode::done;
  }
  SynthOptions options = synth_preset(values["preset"].as<std::string>());
  for (const SynthSetting& s : synth_settings(options)) {
    if (values.count(s.name)) assign(s, values[s.name].as<std::string>());
  }
  const std::string text = synthesise_mooncake(options);
  const std::string out = values["out"].as<std::string>();
  if (out == "-") {
    streams.out << text;
  } else {
    write_trace_file(out, text);
    streams.err << fmt::format("{}: {} turns\n", out, std::count(text.begin(), text.end(), '\n'));
  }
  return ExitCode::done;
}

constexpr const char* kHelp =
    "usage: kvplan trace stat|mrc|synth ...\n\n"
    "  stat TRACE   lengths, arrivals, sessions and sharing of a trace\n"
    "  mrc TRACE    hit rate of a prefix cache against its capacity\n"
    "  synth        writes synthetic multi-turn chat\n\n"
    "`kvplan trace mrc --help` tells more of each. Traces are Mooncake JSONL, plain or compressed (gzip, zstd).\n";

}  // namespace

ExitCode trace_verb(const std::vector<std::string>& arguments, Streams streams) {
  const std::string what = arguments.empty() ? "" : arguments.front();
  const Words rest(arguments.empty() ? arguments.begin() : arguments.begin() + 1, arguments.end());
  if (what == "stat") return stat(rest, streams);
  if (what == "mrc") return mrc(rest, streams);
  if (what == "synth") return synth(rest, streams);
  if (what == "--help" || what == "-h") {
    streams.out << kHelp;
    return ExitCode::done;
  }
  throw UsageError(what.empty() ? "trace needs what to do: stat, mrc or synth"
                                : fmt::format("no such thing to do with a trace: \"{}\"", what),
                   what.empty() ? "" : suggestion(what, {"stat", "mrc", "synth"}));
}

}  // namespace kvplan

// kvplan trace synth
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <sstream>

#include "cli/arguments.hpp"
#include "cli/trace_verbs.hpp"
#include "traces/compile.hpp"
#include "traces/load.hpp"
#include "traces/session_model.hpp"
#include "traces/synth.hpp"
#include "traces/transform.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;

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
  d.add_options()("help,h", "Print this.")("strict", "With --like: refuse a trace that would have to be repaired.")(
      "set", po::value<Words>()->composing()->value_name("PATH=VALUE"),
      "With --like: transform that trace first, by any trace.* option of a scenario; may be repeated.")(
      "like", po::value<std::string>()->value_name("TRACE"),
      "Sessions like those of this trace, instead of a preset; --block-tokens is the size of its blocks. "
      "Prints how far the result is from it.")(
      "cross-check",
      "With --like: fit to one half of the sessions (by hash) and judge by the other, for several ways to halve them, "
      "beside the distance of the halves from one another; writes no trace.")(
      "out", po::value<std::string>()->value_name("FILE")->default_value("-"),
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

constexpr const char* kAlsoWithLike[] = {"block-tokens", "sessions", "requests", "seed", "sessions-per-s"};

LikeOptions like_options(const po::variables_map& values, const SessionModel& model) {
  SynthOptions settings;
  LikeOptions o;
  for (const SynthSetting& s : synth_settings(settings)) {
    if (!values.count(s.name)) continue;
    if (std::find(std::begin(kAlsoWithLike), std::end(kAlsoWithLike), s.name) == std::end(kAlsoWithLike)) {
      throw UsageError(fmt::format("--{} says nothing beside --like: the trace tells it", s.name));
    }
    assign(s, values[s.name].as<std::string>());
  }
  check_synth(settings);
  o.seed = settings.seed;
  o.requests = settings.requests;
  if (values.count("sessions")) o.sessions = settings.sessions;
  if (model.sessions_per_s > 0) o.sessions_per_s = model.sessions_per_s;
  if (values.count("sessions-per-s")) o.sessions_per_s = settings.sessions_per_s;
  return o;
}

// As many sessions as the model has, read back.
Workload sample_of(const SessionModel& model, LikeOptions options) {
  options.sessions = options.requests = 0;
  std::ostringstream text;
  synthesise_like(model, options, text);
  LoadOptions load;
  load.block_tokens = static_cast<std::int32_t>(model.block_tokens);
  load.tick = Time(0);
  return compile_workload(rows_from_text(std::move(text).str(), "synthesised", load), load);
}

double relative_error(const double (&v)[2]) { return v[1] == 0 ? 0 : 100 * (v[0] - v[1]) / v[1]; }

std::string distance_table(const Distances& d, const char* what) {
  std::string text = fmt::format("{}\n  {:<24}{:>8}{:>12}{:>12}{:>9}{:>12}{:>12}{:>9}\n", what, "", "KS",
                                 "median", "of model", "error", "p90", "of model", "error");
  for (const Distance& q : d.quantities) {
    text += fmt::format("  {:<24}{:>8.3f}{:>12.6g}{:>12.6g}{:>8.1f}%{:>12.6g}{:>12.6g}{:>8.1f}%\n", q.what,
                        q.kolmogorov_smirnov, q.median[0], q.median[1], relative_error(q.median), q.p90[0], q.p90[1],
                        relative_error(q.p90));
  }
  return text + fmt::format("  {:<24}{:>20.4f}{:>12.4f}{:>8.2f} points\n", "hit rate, infinite cache",
                            d.infinite_hit_rate_tokens[0], d.infinite_hit_rate_tokens[1],
                            100 * (d.infinite_hit_rate_tokens[0] - d.infinite_hit_rate_tokens[1]));
}

// Comparisons of one kind, one for each way to halve the trace.
struct Compared {
  const char* what;
  std::vector<Distances> splits;
};

// Absolute errors of one statistic over the splits: typical and worst.
template <class ErrorOf>
std::string spread(const Compared& compared, ErrorOf error_of) {
  std::vector<double> errors;
  for (const Distances& d : compared.splits) errors.push_back(std::abs(error_of(d)));
  std::sort(errors.begin(), errors.end());
  return fmt::format("{:>8.1f}{:>8.1f}", errors[errors.size() / 2], errors.back());
}

std::string spread_table(const std::vector<Compared>& all) {
  std::string text = fmt::format("absolute errors over {} splits: typical (median) and worst\n",
                                 all.front().splits.size());
  for (const Compared& c : all) {
    text += fmt::format("{}\n  {:<24}{:>16}{:>16}\n", c.what, "", "median, %", "p90, %");
    for (std::size_t q = 0; q < c.splits.front().quantities.size(); ++q) {
      text += fmt::format("  {:<24}{}{}\n", c.splits.front().quantities[q].what,
                          spread(c, [&](const Distances& d) { return relative_error(d.quantities[q].median); }),
                          spread(c, [&](const Distances& d) { return relative_error(d.quantities[q].p90); }));
    }
    const auto points = [](const Distances& d) {
      return 100 * (d.infinite_hit_rate_tokens[0] - d.infinite_hit_rate_tokens[1]);
    };
    text += fmt::format("  {:<24}{} points\n", "hit rate, infinite cache", spread(c, points));
  }
  return text;
}

// Fits to one half of the sessions and judges by the other, for several ways to halve them.
ExitCode cross_check(const Workload& trace, const po::variables_map& values, Streams streams) {
  constexpr std::uint64_t kSplits = 5;
  std::vector<Compared> all = {{"synthesised like one half, against the other half", {}},
                               {"one real half, against the other half", {}},
                               {"synthesised like one half, against that half", {}}};
  for (std::uint64_t split = 1; split <= kSplits; ++split) {
    const Workload fitted = sessions_between(trace, 0, 0.5, split), judge = sessions_between(trace, 0.5, 1, split);
    if (fitted.turns.empty() || judge.turns.empty()) throw UsageError("--cross-check needs a trace of several sessions");
    const SessionModel model = fit_sessions(fitted);
    const Workload made = sample_of(model, like_options(values, model));
    all[0].splits.push_back(distances_between(made, judge));
    all[1].splits.push_back(distances_between(fitted, judge));
    all[2].splits.push_back(distances_between(made, fitted));
    if (split == 1) {
      for (const Compared& c : all) streams.out << distance_table(c.splits[0], c.what);
    }
  }
  streams.out << spread_table(all);
  return ExitCode::done;
}

ExitCode like(const po::variables_map& values, Streams streams) {
  const Workload trace = load_for_verb(values, streams, "like");
  if (values.count("cross-check")) return cross_check(trace, values, streams);
  const SessionModel model = fit_sessions(trace);
  const LikeOptions options = like_options(values, model);
  const std::string out = values["out"].as<std::string>();
  if (out == "-") {
    synthesise_like(model, options, streams.out);
  } else {
    std::int64_t turns = 0;
    write_trace_file(out, [&](std::ostream& file) { turns = synthesise_like(model, options, file); });
    streams.err << fmt::format("{}: {} turns, blocks of {} tokens (read it with --block-tokens {})\n", out, turns,
                               model.block_tokens, model.block_tokens);
  }
  streams.err << distance_table(distances_between(sample_of(model, options), trace), "synthesised, against the trace");
  return ExitCode::done;
}

}  // namespace

ExitCode trace_synth(const Words& arguments, Streams streams) {
  const po::options_description flags = synth_flags();
  const po::variables_map values = parse_arguments(flags, {}, arguments);
  if (values.count("help")) {
    streams.out << "usage: kvplan trace synth [options]\n\nWrites synthetic multi-turn chat as a Mooncake trace; the "
                   "same settings "
                   "give the same bytes.\nThe values in brackets are those of the preset chat.\n\n"
                << flags
                << "\nExamples:\n  kvplan trace synth --preset chat --sessions 1000 --seed 7 --out chat.jsonl.gz\n"
                   "  kvplan trace synth --like TRACE --requests 100000 --out more.jsonl.gz\n";
    return ExitCode::done;
  }
  if (values.count("like")) return like(values, streams);
  if (values.count("cross-check")) throw UsageError("--cross-check needs --like TRACE");
  SynthOptions options = synth_preset(values["preset"].as<std::string>());
  for (const SynthSetting& s : synth_settings(options)) {
    if (values.count(s.name)) assign(s, values[s.name].as<std::string>());
  }
  const std::string out = values["out"].as<std::string>();
  if (out == "-") {
    synthesise(options, streams.out);
  } else {
    std::int64_t turns = 0;
    write_trace_file(out, [&](std::ostream& file) { turns = synthesise(options, file); });
    streams.err << fmt::format("{}: {} turns\n", out, turns);
  }
  return ExitCode::done;
}

}  // namespace kvplan

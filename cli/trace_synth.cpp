// kvplan trace synth
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include "cli/arguments.hpp"
#include "cli/distance_tables.hpp"
#include "cli/trace_verbs.hpp"
#include "traces/compile.hpp"
#include "traces/fit_synth.hpp"
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
      "Prints how far the model is from it, in a sample of the trace's size. --requests cuts the sessions that have "
      "not ended by then: what is written has fewer turns a session than that sample.")(
      "cross-check",
      "With --like: fit to one half of the sessions (by hash) and judge by the other, for several ways to halve them, "
      "beside the distance of the halves from one another; writes no trace.")(
      "fit", po::value<std::string>()->value_name("sessions|better|log-normal|gamma|empirical")->default_value("sessions"),
      "With --like: sessions: put together from the trace's own; else every quantity is drawn by itself from a fitted "
      "distribution: the better of log-normal and gamma (think times: or a mixture), one of them, or the trace's own "
      "values with steps smoothed. The fits are printed.")(
      "draw", po::value<Words>()->composing()->value_name("QUANTITY=DISTRIBUTION"),
      "Draw first, follow-up, output, turns, think or pause otherwise than the preset: log-normal:MEDIAN,SIGMA, "
      "gamma:MEAN,CV, empirical:V1,V2,... or empirical:@FILE; may be repeated.")(
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

// Makes loads like others.
class Imitator {
 public:
  explicit Imitator(const po::variables_map& values)
      : values_(values),
        fit_(choice(values, "fit", {"sessions", "better", "log-normal", "gamma", "empirical"})) {}

  // Takes what is written from here on from this load. Tells the fit, if there is one to tell.
  std::string fit(const Workload& like) {
    model_ = fit_sessions(like);
    options_ = like_options(values_, model_);
    if (fit_ == "sessions") return "";
    const SynthFit fitted = fit_synth(like, family());
    settings_ = fitted.options;
    settings_.seed = options_.seed;
    settings_.requests = options_.requests;
    settings_.sessions_per_s = options_.sessions_per_s;
    return fit_table(fitted);
  }

  std::int64_t write(std::ostream& out) const {
    if (fit_ == "sessions") return synthesise_like(model_, options_, out);
    SynthOptions settings = settings_;
    if (options_.sessions > 0) settings.sessions = options_.sessions;
    return synthesise(settings, out);
  }

  // Whether the last turn that is written ends sessions which would go on.
  bool cuts_sessions() const { return options_.requests > 0; }

  // As many sessions as were fitted to, read back: the model itself, whatever is to be written of it.
  Workload sample() const {
    Imitator plain = *this;
    plain.options_.sessions = plain.options_.requests = plain.settings_.requests = 0;
    std::ostringstream text;
    plain.write(text);
    LoadOptions load;
    load.block_tokens = static_cast<std::int32_t>(model_.block_tokens);
    load.tick = Time(0);
    return compile_workload(rows_from_text(std::move(text).str(), "synthesised", load), load);
  }

  std::int64_t block_tokens() const { return model_.block_tokens; }

 private:
  FitFamily family() const {
    return fit_ == "better"       ? FitFamily::better
           : fit_ == "log-normal" ? FitFamily::log_normal
           : fit_ == "gamma"      ? FitFamily::gamma
                                  : FitFamily::empirical;
  }

  const po::variables_map& values_;
  std::string fit_;
  SessionModel model_;
  LikeOptions options_;
  SynthOptions settings_;
};

// Fits to one half of the sessions and judges by the other, for several ways to halve them.
ExitCode cross_check(const Workload& trace, const po::variables_map& values, Streams streams) {
  constexpr std::uint64_t kSplits = 5;
  std::vector<Compared> all = {{"synthesised like one half, against the other half", {}},
                               {"one real half, against the other half", {}},
                               {"synthesised like one half, against that half", {}}};
  for (std::uint64_t split = 1; split <= kSplits; ++split) {
    const Workload fitted = sessions_between(trace, 0, 0.5, split), judge = sessions_between(trace, 0.5, 1, split);
    if (fitted.turns.empty() || judge.turns.empty()) throw UsageError("--cross-check needs a trace of several sessions");
    Imitator imitator(values);
    const std::string fits = imitator.fit(fitted);
    const Workload made = imitator.sample();
    all[0].splits.push_back(distances_between(made, judge));
    all[1].splits.push_back(distances_between(fitted, judge));
    all[2].splits.push_back(distances_between(made, fitted));
    if (split > 1) continue;
    streams.out << fits;
    for (const Compared& c : all) streams.out << distance_table(c.splits[0], c.what);
  }
  streams.out << spread_table(all);
  return ExitCode::done;
}

ExitCode like(const po::variables_map& values, Streams streams) {
  if (values.count("draw")) throw UsageError("--draw says nothing beside --like", "--fit says how to draw");
  const Workload trace = load_for_verb(values, streams, "like");
  if (values.count("cross-check")) return cross_check(trace, values, streams);
  Imitator imitator(values);
  streams.err << imitator.fit(trace);
  const std::string out = values["out"].as<std::string>();
  std::int64_t turns = 0;
  write_trace(out, streams, [&](std::ostream& to) { turns = imitator.write(to); });
  if (out != "-") {
    streams.err << fmt::format("{}: {} turns, blocks of {} tokens (read it with --block-tokens {})\n", out, turns,
                               imitator.block_tokens(), imitator.block_tokens());
  }
  streams.err << distance_table(distances_between(imitator.sample(), trace),
                                "the model, at the size of the trace, against the trace");
  if (imitator.cuts_sessions()) {
    streams.err << "note: --requests cuts the sessions that have not ended by then: the trace that was written has "
                   "shorter sessions than the model\n";
  }
  return ExitCode::done;
}

// --draw QUANTITY=DISTRIBUTION, each.
void assign_draws(SynthOptions& options, const po::variables_map& values) {
  if (!values.count("draw")) return;
  for (const std::string& text : values["draw"].as<Words>()) {
    const std::string name = text.substr(0, text.find('='));
    Words names;
    bool found = false;
    for (const SynthDraw& draw : synth_draws(options)) {
      names.push_back(draw.name);
      if (draw.name != name || name.size() == text.size()) continue;
      *draw.distribution = parse_distribution(text.substr(name.size() + 1));
      found = true;
    }
    if (!found) {
      throw UsageError(fmt::format("--draw {}: expected QUANTITY=DISTRIBUTION, with one of {}", text,
                                   fmt::join(names, ", ")),
                       suggestion(name, names));
    }
  }
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
                   "  kvplan trace synth --draw output=gamma:350,0.7 --draw think=empirical:2,5,9,30,300 --out chat.jsonl.gz\n"
                   "  kvplan trace synth --like TRACE --requests 100000 --out more.jsonl.gz\n";
    return ExitCode::done;
  }
  if (values.count("like")) return like(values, streams);
  if (values.count("cross-check")) throw UsageError("--cross-check needs --like TRACE");
  SynthOptions options = synth_preset(values["preset"].as<std::string>());
  for (const SynthSetting& s : synth_settings(options)) {
    if (values.count(s.name)) assign(s, values[s.name].as<std::string>());
  }
  assign_draws(options, values);
  if (!values["fit"].defaulted()) throw UsageError("--fit needs --like TRACE");
  const std::string out = values["out"].as<std::string>();
  std::int64_t turns = 0;
  write_trace(out, streams, [&](std::ostream& to) { turns = synthesise(options, to); });
  if (out != "-") streams.err << fmt::format("{}: {} turns\n", out, turns);
  return ExitCode::done;
}

}  // namespace kvplan

#include "traces/synth.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/iostreams/concepts.hpp>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/destination.hpp"
#include "base/error.hpp"
#include "base/random.hpp"
#include "base/units.hpp"
#include "traces/session_writer.hpp"

namespace kvplan {
namespace {

// Each quantity draws from a stream of its own: another think time changes no length.
class Synthesiser final : public SessionSource {
 public:
  explicit Synthesiser(const SynthOptions& o)
      : o_(o),
        starts_(o.seed, "session starts"),
        counts_(o.seed, "turns of a session"),
        prompts_(o.seed, "prompt tokens"),
        outputs_(o.seed, "output tokens"),
        thinks_(o.seed, "think times") {}

  std::optional<std::vector<PlannedTurn>> next() override {
    if (o_.requests == 0 && started_ == o_.sessions) return std::nullopt;
    ++started_;
    start_s_ += starts_.exponential(1 / o_.sessions_per_s);
    std::vector<PlannedTurn> session = session_at(start_s_);
    barren_ = session.empty() ? barren_ + 1 : 0;
    if (barren_ == kMaxBarren) return std::nullopt;
    return session;
  }

 private:
  static constexpr std::int64_t kMaxBarren = 1'000'000;  // sessions without a turn, one after the other: none will come

  static double draw(RandomStream& stream, const LogNormal& d, const std::optional<Distribution>& instead) {
    return std::min(instead ? instead->draw(stream) : stream.log_normal(d.median, d.sigma), 1e9);
  }

  static std::int64_t tokens(RandomStream& stream, const LogNormal& d, const std::optional<Distribution>& instead) {
    return std::max<std::int64_t>(1, std::llround(draw(stream, d, instead)));
  }

  std::int64_t turns() {
    if (o_.turns_as) return std::max<std::int64_t>(1, std::llround(std::min(o_.turns_as->draw(counts_), 1e6)));
    return counts_.chance(o_.multi_turn_share) ? 2 + counts_.geometric(o_.mean_turns - 2) : 1;
  }

  std::vector<PlannedTurn> session_at(double time_s) {
    std::vector<PlannedTurn> session;
    const std::int64_t count = turns();
    std::int64_t prompt = o_.system_tokens + tokens(prompts_, o_.first_tokens, o_.first_as), before = 0;
    double think_s = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t output = tokens(outputs_, o_.output_tokens, o_.output_as);
      if (prompt + output > o_.max_context_tokens) break;
      if (o_.requests == 0 && o_.duration_s > 0 && time_s >= static_cast<double>(o_.duration_s)) break;
      const std::int64_t time_ms = static_cast<std::int64_t>(time_s * 1000) / o_.tick_ms * o_.tick_ms;
      session.push_back({time_ms, std::nullopt, prompt, output, before});
      if (o_.closed_loop != 0 && i > 0) session.back().delay_ms = std::llround(think_s * 1000);
      before = prompt;
      const bool pauses = thinks_.chance(o_.pause_share);
      think_s = draw(thinks_, pauses ? o_.pause_s : o_.think_s, pauses ? o_.pause_as : o_.think_as);
      time_s += static_cast<double>(output) / o_.output_tokens_per_s + think_s;
      prompt += output + tokens(prompts_, o_.follow_up_tokens, o_.follow_up_as);
    }
    return session;
  }

  const SynthOptions& o_;
  RandomStream starts_, counts_, prompts_, outputs_, thinks_;
  std::int64_t started_ = 0, barren_ = 0;
  double start_s_ = 0;
};

// A quarter of an hour whose histories outgrow the HBM of one GPU several times, but not its host's DRAM.
SynthOptions chat() { return {}; }

// Lengths, sharing, gaps and ticks like Mooncake's conversation trace, a few hundred rows.
SynthOptions mooncake_conversation() {
  SynthOptions o;
  o.sessions = 500;
  o.sessions_per_s = 0.55;
  o.first_tokens = {5600, 1.15};
  o.follow_up_tokens = {200, 1.6};
  o.output_tokens = {330, 0.5};
  o.multi_turn_share = 0.35;
  o.mean_turns = 3;
  o.think_s = {125, 1.0};
  o.pause_s = {600, 0.6};
  o.pause_share = 0.1;
  o.duration_s = 900;
  o.tick_ms = 3000;
  return o;
}

struct Preset {
  const char* name;
  SynthOptions (*make)();
};

constexpr Preset kPresets[] = {{"chat", chat}, {"mooncake-conversation", mooncake_conversation}};

}  // namespace

std::vector<SynthDraw> synth_draws(SynthOptions& o) {
  return {{"first", &o.first_as}, {"follow-up", &o.follow_up_as}, {"output", &o.output_as},
          {"turns", &o.turns_as}, {"think", &o.think_as},         {"pause", &o.pause_as}};
}

void check_synth(const SynthOptions& options) {
  SynthOptions copy = options;
  std::string wrong;
  for (const SynthSetting& s : synth_settings(copy)) {
    const double value = std::visit([](const auto* v) { return static_cast<double>(*v); }, s.value);
    if (value >= s.low && value <= s.high) continue;
    wrong += fmt::format("{}--{} is {}, expected {} to {}", wrong.empty() ? "" : "\n", s.name, value, s.low, s.high);
  }
  if (!wrong.empty()) throw UsageError(wrong);
}

std::vector<SynthSetting> synth_settings(SynthOptions& o) {
  return {
      {"sessions", &o.sessions, 1, 1e7, "sessions that start"},
      {"requests", &o.requests, 0, 1e9,
       "write just so many turns, of as many sessions as it takes, whatever sessions and duration say; 0: off"},
      {"seed", &o.seed, 0, 0x1p64, "seed of all draws"},
      {"sessions-per-s", &o.sessions_per_s, 1e-6, 1e6, "rate at which sessions start (Poisson)"},
      {"block-tokens", &o.block_tokens, 1, 65536, "tokens of a hashed block"},
      {"system-tokens", &o.system_tokens, 0, 1e6, "system prompt shared by all sessions"},
      {"first-tokens", &o.first_tokens.median, 1, 1e6, "first message: median of a log-normal"},
      {"first-sigma", &o.first_tokens.sigma, 0, 5, "  and its sigma"},
      {"follow-up-tokens", &o.follow_up_tokens.median, 1, 1e6, "each further message: median"},
      {"follow-up-sigma", &o.follow_up_tokens.sigma, 0, 5, "  and its sigma"},
      {"output-tokens", &o.output_tokens.median, 1, 1e6, "answer: median"},
      {"output-sigma", &o.output_tokens.sigma, 0, 5, "  and its sigma"},
      {"multi-turn-share", &o.multi_turn_share, 0, 1, "share of sessions with several turns"},
      {"mean-turns", &o.mean_turns, 2, 1e4, "mean turns of those"},
      {"think-s", &o.think_s.median, 0, 1e6, "think time after an answer: median"},
      {"think-sigma", &o.think_s.sigma, 0, 5, "  and its sigma"},
      {"pause-s", &o.pause_s.median, 0, 1e6, "a longer pause instead: median"},
      {"pause-sigma", &o.pause_s.sigma, 0, 5, "  and its sigma"},
      {"pause-share", &o.pause_share, 0, 1, "share of think times that are pauses"},
      {"output-tokens-per-s", &o.output_tokens_per_s, 0.1, 1e6, "speed of answers in the recording"},
      {"max-context-tokens", &o.max_context_tokens, 1, 1e9, "a session ends before it exceeds this"},
      {"duration-s", &o.duration_s, 0, kMostSeconds, "leave out turns that would arrive later; 0: none"},
      {"closed-loop", &o.closed_loop, 0, 1, "1: a follow-up gives its think time (session_id, delay), not an instant"},
      {"tick-ms", &o.tick_ms, 1, 1e6, "timestamps are rounded down to multiples of this"},
  };
}

std::vector<std::string> synth_presets() {
  std::vector<std::string> names;
  for (const Preset& p : kPresets) names.push_back(p.name);
  return names;
}

SynthOptions synth_preset(const std::string& name) {
  for (const Preset& p : kPresets) {
    if (name == p.name) return p.make();
  }
  throw UsageError(fmt::format("no preset \"{}\"", name), suggestion(name, synth_presets()));
}

std::int64_t synthesise(const SynthOptions& options, std::ostream& out) {
  check_synth(options);
  Synthesiser source(options);
  const std::int64_t turns =
      write_sessions(out, source, {options.block_tokens, options.system_tokens, options.closed_loop != 0, options.requests});
  if (turns == 0) throw UsageError("these settings give no turn", "raise the context or the duration");
  return turns;
}

std::string synthesise_mooncake(const SynthOptions& options) {
  std::ostringstream text;
  synthesise(options, text);
  return std::move(text).str();
}

namespace {

[[noreturn]] void cannot_write(const std::string& path) {
  throw InputError(Diagnostic{path, 0, 0, fmt::format("cannot be written: {}", std::strerror(errno)),
                              "name a folder that can be written to with --out"});
}

// Ends the work where a disk is full; a sink that takes fewer bytes instead makes the compressor try for ever.
class FileSink : public boost::iostreams::sink {
 public:
  FileSink(std::ofstream& file, const std::string& path, const std::function<bool()>& stop)
      : file_(&file), path_(path), stop_(stop) {}
  std::streamsize write(const char* bytes, std::streamsize n) {
    if (stop_ && stop_()) throw Error(ExitCode::interrupted, "interrupted: " + path_ + " is not written");
    if (!file_->write(bytes, n)) cannot_write(path_);
    return n;
  }

 private:
  std::ofstream* file_;
  std::string path_;
  std::function<bool()> stop_;
};

}  // namespace

void write_trace_file(const std::string& path, const std::function<void(std::ostream&)>& write,
                      const std::function<bool()>& stop) {
  const Destination to = destination_of(path);
  // No other process writes to it.
  const std::string partial = to.in_place ? path : fmt::format("{}.{}.partial", to.path, ::getpid());
  std::ofstream file(partial, std::ios::binary);
  if (!file) cannot_write(path);
  try {
    boost::iostreams::filtering_ostream out;
    if (path.ends_with(".gz")) out.push(boost::iostreams::gzip_compressor(boost::iostreams::gzip::best_compression));
    out.push(FileSink(file, path, stop));
    out.exceptions(std::ios::badbit | std::ios::failbit);
    write(out);
    out.reset();  // writes what is held back
    file.close();
    if (!file || (!to.in_place && std::rename(partial.c_str(), to.path.c_str()) != 0)) cannot_write(path);
  } catch (...) {
    file.close();
    if (!to.in_place) std::remove(partial.c_str());
    throw;
  }
}

void write_trace_file(const std::string& path, const std::string& text) {
  write_trace_file(path, [&](std::ostream& out) { out.write(text.data(), static_cast<std::streamsize>(text.size())); });
}

}  // namespace kvplan

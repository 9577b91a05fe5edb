#include "traces/synth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/units.hpp"

namespace kvplan {
namespace {

struct SynthTurn {
  std::int64_t time_ms = 0;
  std::size_t session = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
};

// Each quantity draws from a stream of its own: another think time changes no length.
class Synthesiser {
 public:
  explicit Synthesiser(const SynthOptions& o)
      : o_(o),
        starts_(o.seed, "session starts"),
        counts_(o.seed, "turns of a session"),
        prompts_(o.seed, "prompt tokens"),
        outputs_(o.seed, "output tokens"),
        thinks_(o.seed, "think times") {}

  std::vector<SynthTurn> turns() {
    double start_s = 0;
    for (std::int64_t i = 0; i < o_.sessions; ++i) {
      start_s += starts_.exponential(1 / o_.sessions_per_s);
      add_session(static_cast<std::size_t>(i), start_s);
    }
    // Stable: turns of one instant stand in order of session and turn.
    std::stable_sort(turns_.begin(), turns_.end(),
                     [](const SynthTurn& a, const SynthTurn& b) { return a.time_ms < b.time_ms; });
    return std::move(turns_);
  }

 private:
  static std::int64_t tokens(RandomStream& stream, const LogNormal& d) {
    return std::max<std::int64_t>(1, std::llround(std::min(stream.log_normal(d.median, d.sigma), 1e9)));
  }

  void add_session(std::size_t session, double time_s) {
    const bool multi = counts_.chance(o_.multi_turn_share);
    const std::int64_t turns = multi ? 2 + counts_.geometric(o_.mean_turns - 2) : 1;
    std::int64_t prompt = o_.system_tokens + tokens(prompts_, o_.first_tokens);
    for (std::int64_t i = 0; i < turns; ++i) {
      const std::int64_t output = tokens(outputs_, o_.output_tokens);
      if (prompt + output > o_.max_context_tokens) return;
      if (o_.duration_s > 0 && time_s >= static_cast<double>(o_.duration_s)) return;
      turns_.push_back({static_cast<std::int64_t>(time_s * 1000) / o_.tick_ms * o_.tick_ms, session, prompt, output});
      const LogNormal& think = thinks_.chance(o_.pause_share) ? o_.pause_s : o_.think_s;
      time_s += static_cast<double>(output) / o_.output_tokens_per_s + thinks_.log_normal(think.median, think.sigma);
      prompt += output + tokens(prompts_, o_.follow_up_tokens);
    }
  }

  const SynthOptions& o_;
  RandomStream starts_, counts_, prompts_, outputs_, thinks_;
  std::vector<SynthTurn> turns_;
};

// Ids as in the real traces: consecutive in order of first appearance. A full
// block belongs to its session (or to the system prompt) and position; a partial
// one ends where its prompt ends, so it is never seen again.
class BlockNames {
 public:
  BlockNames(const SynthOptions& o) : o_(o), of_session_(static_cast<std::size_t>(o.sessions)) {}

  std::vector<std::int64_t> of(const SynthTurn& turn) {
    std::vector<std::int64_t> ids;
    const auto shared = static_cast<std::size_t>(o_.system_tokens / o_.block_tokens);
    const auto full = static_cast<std::size_t>(turn.prompt_tokens / o_.block_tokens);
    for (std::size_t i = 0; i < full; ++i) {
      std::vector<std::int64_t>& names = i < shared ? of_system_ : of_session_[turn.session];
      const std::size_t position = i < shared ? i : i - shared;
      if (names.size() <= position) names.push_back(next_++);
      ids.push_back(names[position]);
    }
    if (turn.prompt_tokens % o_.block_tokens > 0) ids.push_back(next_++);
    return ids;
  }

 private:
  const SynthOptions& o_;
  std::vector<std::int64_t> of_system_;
  std::vector<std::vector<std::int64_t>> of_session_;
  std::int64_t next_ = 0;
};

void check(const SynthOptions& options) {
  SynthOptions copy = options;
  std::string wrong;
  for (const SynthSetting& s : synth_settings(copy)) {
    const double value = std::visit([](const auto* v) { return static_cast<double>(*v); }, s.value);
    if (value >= s.low && value <= s.high) continue;
    wrong += fmt::format("{}--{} is {}, expected {} to {}", wrong.empty() ? "" : "\n", s.name, value, s.low, s.high);
  }
  if (!wrong.empty()) throw UsageError(wrong);
}

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

std::vector<SynthSetting> synth_settings(SynthOptions& o) {
  return {
      {"sessions", &o.sessions, 1, 1e7, "sessions that start"},
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
      {"duration-s", &o.duration_s, 0, 9e6, "leave out turns that would arrive later; 0: none"},
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

std::string synthesise_mooncake(const SynthOptions& options) {
  check(options);
  std::string text;
  BlockNames names(options);
  for (const SynthTurn& turn : Synthesiser(options).turns()) {
    fmt::format_to(std::back_inserter(text),
                   R"({{"timestamp": {}, "input_length": {}, "output_length": {}, "hash_ids": [{}]}})"
                   "\n",
                   turn.time_ms, turn.prompt_tokens, turn.output_tokens, fmt::join(names.of(turn), ", "));
  }
  if (text.empty()) throw UsageError("these settings give no turn", "raise the context or the duration");
  return text;
}

void write_trace_file(const std::string& path, const std::string& text) {
  const std::string partial = path + ".partial";
  std::ofstream file(partial, std::ios::binary);
  {
    boost::iostreams::filtering_ostream out;
    if (path.ends_with(".gz")) out.push(boost::iostreams::gzip_compressor(boost::iostreams::gzip::best_compression));
    out.push(file);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
  }
  file.close();
  if (!file || std::rename(partial.c_str(), path.c_str()) != 0) {
    std::remove(partial.c_str());
    throw Error(ExitCode::bad_input, fmt::format("{}: error: cannot be written", path));
  }
}

}  // namespace kvplan

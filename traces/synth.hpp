// Synthetic multi-turn chat, written as a Mooncake trace.
//
// Sessions start as a Poisson process. A session's first prompt is the shared
// system prompt plus a log-normal number of tokens; each follow-up's prompt is
// the prompt before it, its answer, and a log-normal number of tokens more. So
// the blocks of a follow-up contain those of its parent's prompt and answer. A
// session has one turn, or, with probability multi_turn_share, 2 + geometric
// turns; it ends early where the next prompt and answer would exceed the context.
// A follow-up arrives after the answer, at output_tokens_per_s, and a think time:
// log-normal, with probability pause_share from a second, longer one. Any of these quantities may be drawn from another
// distribution instead. In closed loop, a follow-up gives its think time instead of an instant.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "traces/distribution.hpp"

namespace kvplan {

struct LogNormal {
  double median = 0;
  double sigma = 0;  // of the logarithm
};

struct SynthOptions {
  std::int64_t sessions = 600;
  std::int64_t requests = 0;  // if set: just so many turns, whatever sessions and duration_s say
  std::uint64_t seed = 1;
  double sessions_per_s = 0.5;
  std::int64_t block_tokens = 512;
  std::int64_t system_tokens = 880;
  LogNormal first_tokens{4000, 0.9};
  LogNormal follow_up_tokens{500, 1.0};
  LogNormal output_tokens{350, 0.6};
  double multi_turn_share = 0.8;
  double mean_turns = 6;  // of sessions with several turns; at least 2
  LogNormal think_s{40, 0.7};
  LogNormal pause_s{240, 0.7};
  double pause_share = 0.15;
  double output_tokens_per_s = 40;
  std::int64_t max_context_tokens = 131072;
  std::int64_t duration_s = 900;  // turns that would arrive later are left out; 0: all stay
  std::int64_t closed_loop = 0;   // 1: with session ids and delays
  // Instead of the log-normals above; `turns`: of all sessions, instead of the share and mean of those with several.
  std::optional<Distribution> first_as, follow_up_as, output_as, turns_as, think_as, pause_as;
  std::int64_t tick_ms = 1;       // of the recording clock: timestamps are rounded down to it
};

// One setting of the options by its name on the command line, with its range.
struct SynthSetting {
  std::string name;
  std::variant<std::int64_t*, std::uint64_t*, double*> value;
  double low, high;
  std::string help;
};

// What may be drawn from another distribution, by its name on the command line.
struct SynthDraw {
  std::string name;
  std::optional<Distribution>* distribution;
};
std::vector<SynthDraw> synth_draws(SynthOptions& options);

// UsageError names every setting out of range.
void check_synth(const SynthOptions& options);

// All of them, bound to `options`: the table that parsing, checking and help share.
std::vector<SynthSetting> synth_settings(SynthOptions& options);

// Names of built-in settings, and one of them; UsageError with a suggestion for an unknown name.
std::vector<std::string> synth_presets();
SynthOptions synth_preset(const std::string& name);

// Writes the trace line by line, in memory for the running sessions only; gives the number of turns.
std::int64_t synthesise(const SynthOptions& options, std::ostream& out);

// The trace as text; UsageError names every setting out of range.
std::string synthesise_mooncake(const SynthOptions& options);

// Writes text to a file, gzipped if the name ends in .gz (without a time stamp: same text, same bytes).
// The file appears whole or not at all, as reports/write.hpp has it. Error if it cannot be written, or (interrupted) as
// soon as `stop` says so.
void write_trace_file(const std::string& path, const std::string& text);
void write_trace_file(const std::string& path, const std::function<void(std::ostream&)>& write,
                      const std::function<bool()>& stop = {});

}  // namespace kvplan

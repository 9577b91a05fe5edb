#include "traces/synth.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>

#include "base/error.hpp"
#include "base/file.hpp"
#include "tests/traces/invariants.hpp"
#include "traces/compile.hpp"
#include "traces/load.hpp"
#include "traces/statistics.hpp"
#include "tests/own_path.hpp"

using namespace kvplan;

namespace {

Workload compiled(const SynthOptions& synth) {
  LoadOptions options;
  options.block_tokens = static_cast<std::int32_t>(synth.block_tokens);
  options.tick = Time(0);
  options.strict = true;
  return compile_workload(rows_from_text(synthesise_mooncake(synth), "synthetic", options), options);
}

std::string raw_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("the shipped examples are what their commands give") {
  const auto shipped = [](const std::string& name) { return read_text_file(KVPLAN_SOURCE_DIR "/examples/" + name); };
  const bool chat = shipped("chat.jsonl.gz") == synthesise_mooncake(synth_preset("chat"));
  CHECK(chat);
  const bool conversation =
      shipped("conversation-lookalike.jsonl.gz") == synthesise_mooncake(synth_preset("mooncake-conversation"));
  CHECK(conversation);
}

TEST_CASE("follow-ups contain the prompt and the answer before") {
  SynthOptions synth = synth_preset("chat");
  synth.block_tokens = 16;
  const Workload w = compiled(synth);
  test::check_invariants(w);
  std::size_t with_answer = 0;
  for (const Turn& child : w.turns) {
    if (child.continues == kNone) continue;
    const Turn& parent = w.turns[child.continues];
    REQUIRE(child.prompt_tokens > parent.prompt_tokens + parent.output_tokens);
    // Nobody else continues a turn here, so its answer's blocks are all known.
    const auto full = [&](std::int64_t tokens) { return tokens / w.block_tokens; };
    REQUIRE(static_cast<std::int64_t>(parent.output_block_count) ==
            full(parent.prompt_tokens + parent.output_tokens - 1) - full(parent.prompt_tokens));
    with_answer += parent.output_block_count > 0;
  }
  CHECK(with_answer > 500);
}

TEST_CASE("inference finds the sessions that were made") {
  SynthOptions synth = synth_preset("chat");
  synth.duration_s = 0;
  const TraceStatistics s = trace_statistics(compiled(synth));
  CHECK(s.sessions == synth.sessions);
  CHECK(static_cast<double>(s.multi_turn_sessions) / static_cast<double>(s.sessions) ==
        Approx(synth.multi_turn_share).margin(0.06));
  CHECK(s.turns_of_multi_turn_sessions.mean == Approx(synth.mean_turns).epsilon(0.1));
  CHECK(s.growth_tokens.p50 == Approx(synth.follow_up_tokens.median).epsilon(0.1));
  CHECK(s.output_tokens.p50 == Approx(synth.output_tokens.median).epsilon(0.1));
}

TEST_CASE("the look-alike looks like the conversation trace") {
  const TraceStatistics s = trace_statistics(compiled(synth_preset("mooncake-conversation")));
  CHECK(s.tick == Time(3 * kPsPerS));
  CHECK(s.prompt_tokens.p50 == Approx(6909).epsilon(0.2));
  CHECK(s.prompt_tokens.p90 == Approx(27367).epsilon(0.25));
  CHECK(s.output_tokens.p50 == Approx(350).epsilon(0.1));
  CHECK(s.gap_s.p50 == Approx(126).epsilon(0.25));
  CHECK(s.turns > 300);
  CHECK(s.turns < 1000);
}

TEST_CASE("another seed gives another trace, and settings out of range are all named") {
  SynthOptions synth;
  synth.seed = 2;
  const bool differ = synthesise_mooncake(synth) != synthesise_mooncake(SynthOptions{});
  CHECK(differ);
  synth.sessions = 0;
  synth.pause_share = 2;
  try {
    synthesise_mooncake(synth);
    FAIL("expected a UsageError");
  } catch (const UsageError& e) {
    CHECK(std::string(e.what()).find("--sessions is 0, expected 1") != std::string::npos);
    CHECK(std::string(e.what()).find("--pause-share is 2") != std::string::npos);
  }
  CHECK_THROWS_AS(synth_preset("caht"), UsageError);
}

TEST_CASE("a gzipped trace reads back, and the same text gives the same bytes") {
  const std::string folder = kvplan::testing::own_path("kvplan_synth_test");
  std::filesystem::create_directories(folder);
  const std::string text = synthesise_mooncake(SynthOptions{});
  for (const char* name : {"/a.jsonl.gz", "/b.jsonl.gz", "/plain.jsonl"}) {
    write_trace_file(folder + name, text);
    const bool same = read_text_file(folder + name) == text;
    CHECK(same);
  }
  CHECK(std::filesystem::file_size(folder + "/a.jsonl.gz") < text.size() / 2);
  CHECK(load_workload(folder + "/a.jsonl.gz").sha256 == load_workload(folder + "/plain.jsonl").sha256);
  const bool same_bytes = raw_bytes(folder + "/a.jsonl.gz") == raw_bytes(folder + "/b.jsonl.gz");
  CHECK(same_bytes);
  std::filesystem::remove_all(folder);
  CHECK_THROWS_AS(write_trace_file(folder + "/nowhere/a.jsonl", text), Error);
}

TEST_CASE("a trace that is interrupted leaves nothing, and one written to a pipe leaves the pipe") {
  const std::filesystem::path folder = kvplan::testing::own_path("kvplan_synth_ends");
  std::filesystem::create_directories(folder);
  const std::string text = synthesise_mooncake(SynthOptions{});
  for (const char* name : {"a.jsonl", "a.jsonl.gz"}) {
    int asked = 0;
    try {
      write_trace_file(
          folder / name, [&](std::ostream& out) { out << text; }, [&] { return ++asked > 1; });
      FAIL("expected an Error");
    } catch (const Error& e) {
      CHECK(e.code() == ExitCode::interrupted);
    }
    CHECK(std::filesystem::is_empty(folder));
  }
  const std::filesystem::path pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  auto read = std::async(std::launch::async, [&] { return read_text_file(pipe); });
  write_trace_file(pipe, text);
  const bool same = read.get() == text;
  CHECK(same);
  CHECK(std::filesystem::is_fifo(pipe));
  std::filesystem::remove_all(folder);
}

TEST_CASE("turns that would arrive beyond the clock are refused, not written") {
  SynthOptions synth = synth_preset("chat");
  synth.duration_s = 0;
  synth.sessions = 20;
  synth.sessions_per_s = 1e-6;  // nineteen gaps of twelve days each
  CHECK_THROWS_AS(synthesise_mooncake(synth), UsageError);
  synth.sessions_per_s = 1;
  CHECK_NOTHROW(synthesise_mooncake(synth));
  synth.think_s = {1e6, 0};  // sessions whose last turns alone come too late
  synth.mean_turns = 40;
  CHECK_THROWS_AS(synthesise_mooncake(synth), UsageError);
}

TEST_CASE("the busiest minute has no fewer turns than the mean one, whatever the last minute is cut to") {
  for (const int seconds_apart : {1, 7, 29, 59, 61, 90}) {
    for (const int turns : {1, 2, 3, 64, 100}) {
      CAPTURE(seconds_apart, turns);
      std::string text;
      for (int t = 0; t < turns; ++t) {
        text += "{\"timestamp\": " + std::to_string(1000 * t * seconds_apart) +
                ", \"input_length\": 9, \"output_length\": 2, \"hash_ids\": [" + std::to_string(t) + "]}\n";
      }
      LoadOptions options;
      options.tick = Time(0);
      const double peak =
          trace_statistics(compile_workload(rows_from_text(text, "even", options), options)).peak_to_mean_minute;
      CHECK(peak >= 1);
      if (seconds_apart * turns < 60) CHECK(peak == 1);
      if (seconds_apart == 1 && turns == 100) CHECK(peak == Approx(1).margin(0.01));
    }
  }
}

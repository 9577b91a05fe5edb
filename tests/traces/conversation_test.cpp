// Goal: the published facts about Mooncake's conversation trace come out of it.
#include "tests/traces/data.hpp"
#include "tests/traces/invariants.hpp"
#include "traces/load.hpp"
#include "traces/rearrange.hpp"
#include "traces/reuse.hpp"
#include "traces/stack_distance.hpp"
#include "traces/statistics.hpp"

using namespace kvplan;
using kvplan::test::real_trace;

namespace {

const char* const kFile = "mooncake_fast25_conversation_trace.jsonl.gz";

LoadOptions as_recorded() {
  LoadOptions options;
  options.tick = Time(0);
  options.strict = true;
  return options;
}

}  // namespace

TEST_CASE("conversation trace: lengths, sharing and inferred sessions") {
  const std::string path = real_trace(kFile);
  if (path.empty()) return;
  const Workload w = load_workload(path, as_recorded());
  test::check_invariants(w);
  CHECK(w.sha256 == "b8cbb061a85206d729d91cdc2981f43c9e0d99209dce588d3af5f7934408b9df");
  CHECK(w.notes.empty());
  const TraceStatistics s = trace_statistics(w);
  CHECK(s.turns == 12031);
  CHECK(s.duration_s == Approx(3537).margin(0.5));
  CHECK(seconds(s.tick) == Approx(3).margin(0.001));
  CHECK(s.unique_blocks == 182790);
  CHECK(s.prompt_tokens.mean == Approx(12035).margin(1));
  CHECK(s.prompt_tokens.p50 == 6909);
  CHECK(s.prompt_tokens.max == 126195);
  CHECK(s.output_tokens.p50 == 350);
  CHECK(s.infinite_hit_rate_blocks == Approx(0.3664).margin(0.00005));
  CHECK(s.infinite_hit_rate_tokens == Approx(0.3736).margin(0.00005));
  CHECK(s.follow_up_turns == 3975);
  CHECK(s.multi_turn_sessions == 2012);
  CHECK(s.turns_of_multi_turn_sessions.mean == Approx(3.0).margin(0.05));
  CHECK(s.turns_of_multi_turn_sessions.p50 == 2);
  CHECK(s.turns_of_multi_turn_sessions.p90 == 5);
  CHECK(s.turns_of_multi_turn_sessions.p99 == 13);
  CHECK(s.turns_of_multi_turn_sessions.max == 43);
  CHECK(s.whole_answer_share == Approx(0.924).margin(0.0005));
  CHECK(s.growth_tokens.p50 == 26);
}

TEST_CASE("conversation trace: LRU hit rates") {
  const std::string path = real_trace(kFile);
  if (path.empty()) return;
  const HitCurve curve = lru_hit_curve(load_workload(path, as_recorded()));
  const auto at = [&](double tokens) { return curve.token_hit_rate(static_cast<std::int64_t>(tokens / 512 + 0.5)); };
  CHECK(at(1e5) == Approx(0.0425).margin(0.0001));
  CHECK(at(1e6) == Approx(0.0542).margin(0.0001));
  CHECK(at(2e6) == Approx(0.0855).margin(0.0001));
  CHECK(at(5e6) == Approx(0.2102).margin(0.0001));
  CHECK(at(1e7) == Approx(0.2908).margin(0.0001));
  CHECK(at(1e12) == Approx(0.3736).margin(0.0001));
}

TEST_CASE("conversation trace: spreading changes arrivals inside ticks, and nothing else") {
  const std::string path = real_trace(kFile);
  if (path.empty()) return;
  const Workload recorded = load_workload(path, as_recorded());
  const Workload spread = load_workload(path);
  REQUIRE(spread.notes.size() == 1);
  CHECK(spread.notes[0].what ==
        "arrivals recorded in ticks of 3000 ms: spread uniformly inside them, in file order, seed 1");
  CHECK(spread.notes[0].rows == 12031);
  const bool same_blocks =
      spread.prompt_blocks == recorded.prompt_blocks && spread.output_blocks == recorded.output_blocks;
  CHECK(same_blocks);
  for (std::size_t t = 0; t < recorded.turns.size(); ++t) {
    const Time offset = spread.turns[t].arrival.time - recorded.turns[t].arrival.time;
    REQUIRE(offset >= Time(0));
    REQUIRE(offset < Time(3 * kPsPerS));
  }
}

TEST_CASE("synthetic trace: infinite cache, and a clock that is fine enough") {
  const std::string path = real_trace("mooncake_fast25_synthetic_trace.jsonl.gz");
  if (path.empty()) return;
  const Workload w = load_workload(path);
  test::check_invariants(w);
  CHECK(w.notes.empty());
  const TraceStatistics s = trace_statistics(w);
  CHECK(s.turns == 3993);
  CHECK(s.unique_blocks == 43924);
  CHECK(s.infinite_hit_rate_blocks == Approx(0.6396).margin(0.00005));
  CHECK(s.infinite_hit_rate_tokens == Approx(0.6512).margin(0.00005));
}

TEST_CASE("conversation and synthetic trace: burstiness, reuse and growth over time") {
  const std::string conversation = real_trace(kFile);
  const std::string synthetic = real_trace("mooncake_fast25_synthetic_trace.jsonl.gz");
  if (conversation.empty() || synthetic.empty()) return;
  const Workload c = load_workload(conversation, as_recorded());
  const TraceStatistics s = trace_statistics(c);
  CHECK(s.mean_turn_hit_rate_blocks == Approx(0.384).margin(0.0005));
  CHECK(s.mean_turn_hit_rate_tokens == Approx(0.409).margin(0.0005));
  CHECK(s.turns_per_s == Approx(3.40).margin(0.005));
  CHECK(s.gap_s.p10 == Approx(42).margin(0.1));
  CHECK(s.gap_s.p99 == Approx(1471).margin(3));
  const Reuse r = reuse_of(c);
  CHECK(r.used_once_share == Approx(0.758).margin(0.0005));
  CHECK(r.interval_s.p50 == Approx(135).margin(0.5));
  CHECK(r.interval_s.p90 == Approx(531).margin(0.5));
  CHECK(r.interval_s.p99 == Approx(1710).margin(0.5));
  CHECK(r.stack_distance_tokens.p50 == Approx(4.95e6).margin(0.005e6));
  CHECK(r.stack_distance_tokens.p90 == Approx(16.7e6).margin(0.05e6));
  CHECK(r.stack_distance_tokens.p99 == Approx(46.9e6).margin(0.05e6));
  const std::vector<std::int64_t> grown = {33932, 65425, 95189, 123815, 152521, 182790};
  for (std::size_t i = 0; i < 6; ++i) CHECK(r.parts[i].unique_blocks == grown[i]);

  const Workload y = load_workload(synthetic, as_recorded());
  const TraceStatistics t = trace_statistics(y);
  CHECK(t.duration_s == Approx(1022).margin(0.5));
  CHECK(t.gap_cv == Approx(1).margin(0.05));  // Poisson
  CHECK(t.mean_turn_hit_rate_blocks == Approx(0.423).margin(0.0005));
  CHECK(t.distinct_first_blocks == 2211);
  const Reuse q = reuse_of(y);
  CHECK(q.interval_s.p50 == Approx(59).margin(0.5));
  CHECK(q.interval_s.p90 == Approx(282).margin(0.5));
  CHECK(q.stack_distance_tokens.p50 == Approx(3.2e6).margin(0.05e6));
  CHECK(q.stack_distance_tokens.p90 == Approx(10.4e6).margin(0.05e6));
  const std::vector<std::int64_t> blocks = {13455, 23613, 32348, 39240, 42371, 43924};
  for (std::size_t i = 0; i < 6; ++i) CHECK(q.parts[i].unique_blocks == blocks[i]);
}

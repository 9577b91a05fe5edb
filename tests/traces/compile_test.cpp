// Goal: a compiled workload keeps the invariants of its contract, whatever the trace.
#include "traces/compile.hpp"

#include <fmt/format.h>
#include <rapidcheck.h>

#include "tests/traces/invariants.hpp"
#include "traces/load.hpp"

using namespace kvplan;
using kvplan::test::check_invariants;

namespace {

std::string row(std::int64_t timestamp_ms, int prompt, int output, const std::vector<int>& ids,
                const std::string& more = "") {
  return fmt::format(R"({{"timestamp": {}, "input_length": {}, "output_length": {}, "hash_ids": [{}]{}}})"
                     "\n",
                     timestamp_ms, prompt, output, fmt::join(ids, ","), more);
}

// Blocks of ten tokens, arrivals as recorded.
LoadOptions ten() {
  LoadOptions options;
  options.block_tokens = 10;
  options.tick = Time(0);
  return options;
}

Workload compiled(const std::string& text, const LoadOptions& options = ten()) {
  Workload w = compile_workload(rows_from_text(text, "t.jsonl", options), options);
  check_invariants(w);
  return w;
}

std::vector<Diagnostic> findings_of(const std::string& text, const LoadOptions& options = ten()) {
  try {
    compiled(text, options);
  } catch (const InputError& e) {
    return e.findings();
  }
  return {};
}

std::vector<TurnId> parents(const Workload& w) {
  std::vector<TurnId> all;
  for (const Turn& t : w.turns) all.push_back(t.continues);
  return all;
}

bool noted(const Workload& w, const std::string& part, std::int64_t rows) {
  for (const WorkloadNote& n : w.notes) {
    if (n.what.find(part) != std::string::npos) return n.rows == rows;
  }
  return false;
}

}  // namespace

TEST_CASE("blocks are numbered densely in order of first appearance") {
  const Workload w = compiled(row(0, 25, 5, {70, 5, 900}) + row(1, 30, 5, {70, 5, 3}));
  CHECK(w.prompt_blocks == std::vector<BlockId>{0, 1, 2, 0, 1, 3});
  CHECK(w.parent_of_block == std::vector<BlockId>{kNone, 0, 1, 1});
  CHECK(w.tokens_of_block == std::vector<std::int32_t>{10, 10, 5, 10});
}

TEST_CASE("the parent is the earlier turn with the longest prompt that the prompt contains") {
  const std::string a = row(0, 25, 10, {1, 2, 3});
  CHECK(parents(compiled(a + row(1, 45, 5, {1, 2, 30, 31, 32}))) == std::vector<TurnId>{kNone, 0});
  // Two blocks at least: one may be a system prompt.
  CHECK(parents(compiled(row(0, 15, 5, {1, 2}) + row(1, 45, 5, {1, 20, 30, 31, 32}))) ==
        std::vector<TurnId>{kNone, kNone});
  // The longest wins over the latest, the latest among equals.
  CHECK(parents(compiled(a + row(1, 45, 5, {1, 2, 30, 31, 32}) + row(2, 25, 5, {1, 2, 9}) +
                         row(3, 60, 5, {1, 2, 30, 31, 50, 51}))) == std::vector<TurnId>{kNone, 0, 0, 1});
  CHECK(parents(compiled(a + row(1, 25, 5, {1, 2, 9}) + row(2, 35, 5, {1, 2, 40, 41}))) ==
        std::vector<TurnId>{kNone, 0, 1});
  // A prompt that is not contained in full is no parent.
  CHECK(parents(compiled(row(0, 40, 5, {1, 2, 3, 4}) + row(1, 40, 5, {1, 2, 5, 6}))) ==
        std::vector<TurnId>{kNone, kNone});
}

TEST_CASE("a turn's answer leaves the full blocks that a follow-up shows") {
  // 25 + 20 tokens: blocks 2 and 3 end by token 40 <= 45; the follow-up's block 4 ends later.
  const Workload w = compiled(row(0, 25, 20, {1, 2, 3}) + row(1, 60, 5, {1, 2, 30, 31, 32, 33}));
  const auto outputs = w.outputs(w.turns[0]);
  REQUIRE(outputs.size() == 2);
  CHECK(outputs[0] == w.blocks(w.turns[1])[2]);
  CHECK(outputs[1] == w.blocks(w.turns[1])[3]);
  CHECK(w.outputs(w.turns[1]).empty());
}

TEST_CASE("of an answer only what the follow-up holds in full blocks is known") {
  const Workload w = compiled(row(0, 25, 100, {1, 2, 3}) + row(1, 38, 5, {1, 2, 30, 31}));
  CHECK(w.outputs(w.turns[0]).size() == 1);
}

TEST_CASE("a block that ends with an answer is not left: the last token was never computed") {
  for (const int answer : {10, 11}) {
    const Workload w = compiled(row(0, 20, answer, {1, 2}) + row(1, 38, 5, {1, 2, 30, 31}));
    CHECK(w.outputs(w.turns[0]).size() == (answer == 10 ? 0 : 1));
  }
}

TEST_CASE("the first follow-up shows the answer: a branch beside it does not") {
  const Workload w = compiled(row(0, 20, 11, {1, 2}) + row(1, 31, 5, {1, 2, 3}) + row(2, 31, 5, {1, 2, 4}));
  CHECK(parents(w) == std::vector<TurnId>{kNone, 0, 0});
  REQUIRE(w.outputs(w.turns[0]).size() == 1);
  CHECK(w.outputs(w.turns[0])[0] == w.blocks(w.turns[1])[2]);
  CHECK(w.session_count == 1);
}

TEST_CASE("a tail without a hash gets an id of its own") {
  const Workload w = compiled(row(0, 25, 5, {1, 2}) + row(1, 25, 5, {1, 2}));
  CHECK(w.prompt_blocks == std::vector<BlockId>{0, 1, 2, 0, 1, 3});
  CHECK(noted(w, "has no hash", 2));
}

TEST_CASE("rows out of order are sorted and counted, or refused if strict") {
  const std::string text = row(50, 10, 1, {1}) + row(20, 10, 1, {2}) + row(50, 10, 1, {3}) + row(10, 10, 1, {4});
  const Workload w = compiled(text);
  CHECK(w.turns[0].arrival.time == Time(10 * kPsPerMs));
  CHECK(w.turns[3].arrival.time == Time(50 * kPsPerMs));
  CHECK(noted(w, "sorted by time", 2));
  LoadOptions strict = ten();
  strict.strict = true;
  const auto findings = findings_of(text, strict);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].line == 2);
}

TEST_CASE("ids that are no prefix hashes are findings") {
  auto findings = findings_of(row(0, 20, 1, {1, 2}) + row(1, 20, 1, {2, 1}) + row(2, 20, 1, {3, 2}));
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].line == 2);
  CHECK(findings[1].line == 3);
  CHECK(findings[1].message.find("line 1") != std::string::npos);
  findings = findings_of(row(0, 15, 1, {1, 2}) + row(1, 17, 1, {1, 2}));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].message == "a hash id covers 7 tokens here, but 5 in line 1");
}

TEST_CASE("recorded sessions are followed, closed loop") {
  const Workload w = compiled(
      row(0, 20, 15, {1, 2}, R"(, "session_id": "a")") + row(5, 20, 1, {9, 8}, R"(, "session_id": "b")") +
      R"({"session_id": "a", "delay": 1000, "input_length": 40, "output_length": 1, "hash_ids": [1, 2, 3, 4]})");
  REQUIRE(w.turns.size() == 3);
  CHECK(w.turns[2].arrival.after == 0);
  CHECK(w.turns[2].arrival.time == Time(kPsPerS));
  CHECK(parents(w) == std::vector<TurnId>{kNone, kNone, 0});
  CHECK(w.outputs(w.turns[0]).size() == 1);
}

TEST_CASE("sessions whose rows hold only what a turn adds are refused") {
  const auto findings =
      findings_of(row(0, 20, 15, {1, 2}, R"(, "session_id": "a")") + row(9, 10, 1, {5}, R"(, "session_id": "a")"));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].line == 2);
  CHECK(findings[0].help.find("whole prompt") != std::string::npos);
  CHECK(
      findings_of(R"({"session_id": "a", "delay": 1, "input_length": 0, "output_length": 1, "hash_ids": []})").size() ==
      1);
}

TEST_CASE("a cut trace keeps the arrivals of the whole, counted from its start") {
  std::string text;
  for (int i = 0; i < 30; ++i) text += row(i / 3 * 1000, 10, 1, {i});
  LoadOptions whole;
  whole.block_tokens = 10;
  const Workload all = compiled(text, whole);
  CHECK(noted(all, "ticks of 1000 ms", 30));
  LoadOptions cut = whole;
  cut.window_start = Time(2 * kPsPerS);
  cut.window_end = Time(5 * kPsPerS);
  cut.limit = 7;
  const Workload some = compiled(text, cut);
  REQUIRE(some.turns.size() == 7);
  for (std::size_t i = 0; i < 7; ++i)
    CHECK(some.turns[i].arrival.time == all.turns[i + 6].arrival.time - Time(2 * kPsPerS));
  CHECK(noted(some, "window", 21));
  CHECK(noted(some, "limit", 2));
  cut.window_start = Time(100 * kPsPerS), cut.window_end = Time(200 * kPsPerS);
  CHECK(findings_of(text, cut).size() == 1);
}

TEST_CASE("a follow-up whose session's start is cut off arrives at a time of its own") {
  LoadOptions cut = ten();
  cut.window_start = Time(kPsPerS / 2);
  const Workload w = compiled(
      row(0, 20, 15, {1, 2}, R"(, "session_id": "a")") +
          R"({"session_id": "a", "delay": 1000, "input_length": 40, "output_length": 1, "hash_ids": [1, 2, 3, 4]})",
      cut);
  REQUIRE(w.turns.size() == 1);
  CHECK(w.turns[0].arrival.after == kNone);
  CHECK(w.turns[0].arrival.time == Time(kPsPerS / 2));
}

TEST_CASE("a rate scale divides arrivals, not think times") {
  LoadOptions twice = ten();
  twice.rate_scale = 2;
  const Workload w = compiled(
      row(7, 20, 15, {1, 2}, R"(, "session_id": "a")") +
          R"({"session_id": "a", "delay": 1000, "input_length": 40, "output_length": 1, "hash_ids": [1, 2, 3, 4]})",
      twice);
  CHECK(w.turns[0].arrival.time == Time(7 * kPsPerMs / 2));
  CHECK(w.turns[1].arrival.time == Time(kPsPerS));
  twice.rate_scale = 1e-9;
  CHECK(findings_of(row(1e9, 20, 15, {1, 2}), twice).size() == 1);
}

// Random trees of prompts: each continues a random earlier one, is cut somewhere, and branches.
TEST_CASE("random traces keep the invariants, and every parent is the best there is") {
  CHECK(rc::check([] {
    const int n = *rc::gen::inRange(1, 40);
    std::vector<std::vector<int>> prompts;  // ids of full blocks
    std::vector<int> lengths;
    std::string text;
    int fresh = 0;
    for (int t = 0; t < n; ++t) {
      std::vector<int> ids;
      if (t > 0 && *rc::gen::inRange(0, 4) > 0) {
        const auto& base = prompts[static_cast<std::size_t>(*rc::gen::inRange(0, t))];
        ids.assign(base.begin(), base.begin() + *rc::gen::inRange(0, static_cast<int>(base.size()) + 1));
      }
      for (int more = *rc::gen::inRange(0, 4); more > 0; --more) ids.push_back(fresh++);
      prompts.push_back(ids);
      const int tail = *rc::gen::inRange(0, 10);
      lengths.push_back(static_cast<int>(ids.size()) * 10 + tail);
      if (tail > 0 && *rc::gen::arbitrary<bool>()) ids.push_back(fresh++);
      text += row(t / 3, lengths.back(), *rc::gen::inRange(0, 50), ids);
    }
    const Workload w = compiled(text);
    for (std::size_t t = 0; t < prompts.size(); ++t) {
      TurnId best = kNone;
      std::size_t best_length = 1;
      for (std::size_t u = 0; u < t; ++u) {
        const bool contained = prompts[u].size() <= prompts[t].size() &&
                               std::equal(prompts[u].begin(), prompts[u].end(), prompts[t].begin());
        if (contained && prompts[u].size() >= std::max<std::size_t>(2, best_length)) {
          best = static_cast<TurnId>(u), best_length = prompts[u].size();
        }
      }
      RC_ASSERT(w.turns[t].continues == best);
    }
  }));
}

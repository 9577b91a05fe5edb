// Goal: what the Mooncake format can hold comes back the same, and what it cannot is named.
#include "traces/mooncake_writer.hpp"

#include <fmt/format.h>

#include <sstream>

#include "tests/catch.hpp"
#include "tests/traces/invariants.hpp"
#include "traces/compile.hpp"
#include "traces/load.hpp"

using namespace kvplan;

namespace {

LoadOptions as_recorded(std::int32_t block_tokens) {
  LoadOptions options;
  options.tick = Time(0);
  options.block_tokens = block_tokens;
  return options;
}

struct Converted {
  Workload before, after;
  std::vector<WorkloadNote> lost;
};

Converted converted(const std::string& text) {
  const TraceRows rows = rows_from_text(text, "t", as_recorded(512));
  std::ostringstream out;
  Converted c;
  c.lost = write_mooncake(rows, out);
  const LoadOptions options = as_recorded(rows.block_tokens);
  c.before = compile_workload(rows, options);
  c.after = compile_workload(rows_from_text(out.str(), "u", options), options);
  test::check_invariants(c.after);
  return c;
}

void check_same(const Converted& c) {
  REQUIRE(c.after.turns.size() == c.before.turns.size());
  CHECK(c.after.prompt_blocks == c.before.prompt_blocks);
  CHECK(c.after.output_blocks == c.before.output_blocks);
  CHECK(c.after.session_count == c.before.session_count);
  for (TurnId t = 0; t < c.before.turns.size(); ++t) {
    CHECK(c.after.turns[t].arrival.time == c.before.turns[t].arrival.time);
    CHECK(c.after.turns[t].arrival.after == c.before.turns[t].arrival.after);
    CHECK(c.after.turns[t].continues == c.before.turns[t].continues);
    CHECK(c.after.turns[t].prompt_tokens == c.before.turns[t].prompt_tokens);
    CHECK(c.after.turns[t].output_tokens == c.before.turns[t].output_tokens);
  }
}

}  // namespace

TEST_CASE("open and closed Mooncake traces come back the same, and nothing is lost") {
  const char* const row = R"({{"timestamp": {}, "input_length": {}, "output_length": 600, "hash_ids": [{}]{}}})"
                          "\n";
  const auto open = converted(fmt::format(fmt::runtime(row), 0.25, 1024, "7, 9", "") +
                              fmt::format(fmt::runtime(row), 5, 1700, "7, 9, 11, 12", ""));
  check_same(open);
  CHECK(open.lost.empty());
  const auto closed = converted(
      fmt::format(fmt::runtime(row), 0, 1024, "7, 9", ", \"session_id\": \"x\"") +
      fmt::format(fmt::runtime(row), 3, 1024, "70, 90", ", \"session_id\": \"y\"") +
      R"({"session_id": "x", "delay": 0.000001, "input_length": 1700, "output_length": 1, "hash_ids": [7, 9, 11, 12]})");
  check_same(closed);
  REQUIRE(closed.lost.size() == 1);
  CHECK(closed.lost[0].what == "names of sessions: they are numbered");
}

TEST_CASE("sessions that interleave, with think times and resets, come back the same") {
  const auto c = converted(
      "session,req,agent,turn,t_s,in_tokens,out_tokens,api_s,ttft_s,think_s,stop,parent_req,shared_blocks,blocks\n"
      "0,0,0,0,0.0,130,70,,,0.0,x,-1,0,2\n0,1,0,1,9.0,270,5,,,6.5,x,0,2,4\n0,2,0,2,19.0,280,5,,,1.5,x,1,4,4\n"
      "0,3,0,3,29.0,64,5,,,1.5,x,-1,0,1\n1,0,0,0,0.0,130,70,,,0.0,x,-1,0,2\n1,1,0,1,3.0,270,5,,,2,x,0,2,4\n");
  check_same(c);
}

TEST_CASE("sub-agents, service times and odd parents are lost, and named") {
  const auto c = converted(R"({"id": "s", "block_size": 64, "hash_id_scope": "local", "requests": [
    {"t": 0.0, "type": "n", "in": 130, "out": 70, "hash_ids": [1, 2], "api_time": 2.5, "think_time": 0.0},
    {"t": 5.0, "type": "subagent", "requests": [{"t": 0.5, "type": "n", "in": 70, "out": 5, "hash_ids": [9]}]},
    {"t": 9.0, "type": "n", "in": 270, "out": 5, "hash_ids": [1, 2, 3, 4], "think_time": 6.5}]})");
  std::string all;
  for (const WorkloadNote& n : c.lost) all += fmt::format("{} {}\n", n.rows, n.what);
  CHECK(all ==
        "1 sub-agents and branches that no longer start with the turn that they follow, but at their recorded time\n"
        "1 turns that no longer await the end of a sub-agent\n"
        "1 recorded service times\n"
        "1 names of sessions: they are numbered\n");
  CHECK(c.after.turns[2].arrival.after == 0);
  CHECK(c.after.turns[1].arrival.time == Time(5500 * kPsPerMs));
}

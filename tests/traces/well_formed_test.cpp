// Each invariant of traces/workload.hpp, broken alone, is noticed.
#include "traces/well_formed.hpp"

#include <algorithm>
#include <functional>

#include "tests/catch.hpp"
#include "traces/load.hpp"

using namespace kvplan;

TEST_CASE("a workload that breaks an invariant is refused, with what breaks it") {
  LoadOptions options;
  options.tick = Time(0);
  const Workload good = load_workload(KVPLAN_SOURCE_DIR "/examples/chat.jsonl.gz", options);
  REQUIRE_NOTHROW(require_well_formed(good));
  // A turn that follows another, and shows what the other's answer left behind.
  const auto shows = [&](const Turn& t) {
    return t.continues != kNone && good.turns[t.continues].output_block_count > 0;
  };
  const auto late = static_cast<TurnId>(std::find_if(good.turns.begin(), good.turns.end(), shows) - good.turns.begin());
  REQUIRE(late < good.turns.size());
  const TurnId early = good.turns[late].continues;
  const struct {
    const char* says;
    std::function<void(Workload&)> breaks;
  } faults[] = {
      {"blocks hold no tokens", [](Workload& w) { w.block_tokens = 0; }},
      {"not every block has a parent and tokens", [](Workload& w) { w.parent_of_block.pop_back(); }},
      {"more tokens than a block", [](Workload& w) { w.tokens_of_block[0] = w.block_tokens + 1; }},
      {"or none", [](Workload& w) { w.tokens_of_block[0] = 0; }},
      {"comes before its parent", [](Workload& w) { w.parent_of_block[0] = 0; }},
      {"fewer than no tokens", [](Workload& w) { w.turns[0].output_tokens = -1; }},
      {"arrives before the beginning", [](Workload& w) { w.turns[0].arrival.time = Time(-1); }},
      {"follows a later turn", [&](Workload& w) { w.turns[late].arrival.after = late + 1; }},
      {"awaits a side branch", [&](Workload& w) { w.turns[late].arrival.join = early; }},
      {"is of no session", [](Workload& w) { w.turns[0].session = w.session_count; }},
      {"continues another session",
       [&](Workload& w) { w.turns[late].session = (w.turns[late].session + 1) % w.session_count; }},
      {"no chain", [](Workload& w) { w.prompt_blocks[w.turns[0].first_block] = w.block_count(); }},
      {"no chain", [&](Workload& w) { w.output_blocks[w.turns[early].first_output_block] = 0; }},
      {"other tokens than its blocks", [](Workload& w) { ++w.turns[0].prompt_tokens; }},
      {"leaves more blocks than it writes", [&](Workload& w) { w.turns[early].output_tokens = 0; }},
  };
  for (const auto& fault : faults) {
    CAPTURE(fault.says);
    Workload broken = good;
    fault.breaks(broken);
    CHECK_THROWS_WITH(require_well_formed(broken), Catch::Contains(fault.says));
  }
}

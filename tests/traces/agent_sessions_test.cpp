// Goal: sub-agents start behind the last main answer that had ended, and are awaited by the first main turn behind
// them.
#include "traces/agent_sessions.hpp"

#include <rapidcheck.h>

#include "tests/catch.hpp"

using namespace kvplan;

namespace {

struct Request {
  std::uint32_t agent;
  Time start, end;
};

// The first main request that starts behind `end`; kNone if there is none.
RowId main_behind(const std::vector<Request>& all, Time end) {
  for (RowId r = 0; r < all.size(); ++r) {
    if (all[r].agent == 0 && all[r].start > end) return r;
  }
  return kNone;
}

RowId last_main_ended_by(const std::vector<Request>& all, RowId before) {
  RowId found = kNone;
  for (RowId r = 0; r < before; ++r) {
    if (all[r].agent == 0 && all[r].end <= all[before].start) found = r;
  }
  return found;
}

RowId last_of(const std::vector<Request>& all, RowId before, std::uint32_t agent) {
  RowId found = kNone;
  for (RowId r = 0; r < before; ++r) {
    if (all[r].agent == agent) found = r;
  }
  return found;
}

}  // namespace

TEST_CASE("sub-agents start and are awaited as a scan over the whole session says") {
  CHECK(rc::check([] {
    std::vector<Request> all;
    Time start{0};
    for (int i = *rc::gen::inRange(1, 40); i > 0; --i) {
      start = start + Time(*rc::gen::inRange(0, 4));
      const auto agent = all.empty() ? 0u : *rc::gen::inRange(0u, 5u);
      all.push_back({agent, start, start + Time(*rc::gen::inRange(0, 20))});
    }
    TraceRows rows;
    AgentSessions sessions(rows);
    sessions.begin();
    for (const Request& r : all) sessions.add(TraceRow(), {r.agent, r.start, std::nullopt, r.end - r.start});
    sessions.end();
    std::vector<RowId> awaited(all.size(), kNone);  // per main request: the sub-agent's last one that ends last
    for (std::uint32_t agent = 1; agent < 5; ++agent) {
      const RowId last = last_of(all, static_cast<RowId>(all.size()), agent);
      const RowId next = last == kNone ? kNone : main_behind(all, all[last].end);
      if (next == kNone) continue;
      if (awaited[next] == kNone || all[last].end > all[awaited[next]].end) awaited[next] = last;
    }
    for (RowId r = 0; r < all.size(); ++r) {
      const RowId own = last_of(all, r, all[r].agent);
      RC_ASSERT(rows.rows[r].after == (own != kNone || all[r].agent == 0 ? own : last_main_ended_by(all, r)));
      RC_ASSERT(rows.rows[r].join == (rows.rows[r].after == kNone ? kNone : awaited[r]));
    }
  }));
}

// The invariants of traces/workload.hpp, and that blocks and sessions are numbered as they first appear.
#pragma once

#include "tests/catch.hpp"
#include "traces/well_formed.hpp"

namespace kvplan::test {

inline void check_invariants(const Workload& w) {
  REQUIRE_NOTHROW(require_well_formed(w));
  BlockId fresh = 0;
  std::uint32_t sessions = 0;
  Time latest{0};
  bool dense = true, in_order = true;
  for (const Turn& turn : w.turns) {
    for (const BlockId block : w.blocks(turn)) {
      dense = dense && block <= fresh;
      fresh += block == fresh;
    }
    if (turn.arrival.after == kNone) {
      in_order = in_order && turn.arrival.time >= latest;
      latest = turn.arrival.time;
    }
    dense = dense && (turn.continues != kNone || turn.session == sessions++);
  }
  REQUIRE(dense);
  REQUIRE(in_order);
  REQUIRE(fresh == w.block_count());
  REQUIRE(sessions == w.session_count);
}

}  // namespace kvplan::test

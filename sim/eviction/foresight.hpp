// What eviction policies know of a load beyond what a memory sees: which blocks
// several sessions share, how long sessions think, and (for the bound) when
// blocks are used again. Shared by all memories of a simulation; each part is
// prepared when it is first asked for.
//
// Think times are learnt as they happen, each from the last end of a turn of its
// session to an arrival: a session's estimate is the geometric mean of its own so
// far, with that of all sessions counted once. A block belongs to the session
// that used it last.
#pragma once

#include <cstdint>
#include <vector>

#include "traces/workload.hpp"

namespace kvplan {

class Foresight {
 public:
  // `sessions`: whether think_time() will be asked; `uses`: whether next_uses() will.
  Foresight(const Workload& workload, const PrefixChains& chains, bool sessions, bool uses);

  // Leading blocks of a chain that prompts of two sessions or more pass through.
  std::uint32_t shared_blocks(std::uint32_t chain);

  void arrived(TurnId turn, Time at);  // at its replica
  void ended(TurnId turn, Time at);

  // Calls `part(range, time)` for stretches of the range that the same turn used last, with the estimate for its session;
  // for what none has used, with that for all. The last stretch first.
  template <class Part>
  void think_times(const BlockRange& r, Part part) const {
    for (const Stretch& s : last_used(r)) part(s.range, think_time(s.turn));
  }

  // Calls `part(range, turn)` for stretches of the range that are next used by the same turn: the first in the trace,
  // of those that have not arrived yet; kNever for what no such turn uses. The last stretch first.
  static constexpr std::int64_t kNever = std::int64_t{1} << 40;
  template <class Part>
  void next_uses(const BlockRange& r, Part part) {
    for (const Stretch& s : stretches(r)) part(s.range, s.turn);
  }

 private:
  struct Stretch {
    BlockRange range;
    std::int64_t turn;
  };
  struct ChainUse {  // of a chain's leading blocks by a turn's prompt
    TurnId turn = 0;
    std::uint32_t blocks = 0;
    std::uint32_t next_longer = 0;  // the next use of more blocks; the chain's end if there is none
  };
  struct LastUse {  // of a chain's blocks from where the use before it in the list ends
    std::uint32_t blocks = 0;
    TurnId turn = 0;
  };
  struct Thinking {
    std::int64_t log_sum = 0;
    std::int64_t count = 0;
    Time last_end{-1};
  };

  class Division;
  void find_shared();
  void find_uses();
  std::vector<Stretch> stretches(const BlockRange& r) const;
  void note_use(const BlockRange& r, TurnId turn);
  std::vector<Stretch> last_used(const BlockRange& r) const;
  Time think_time(std::int64_t turn) const;

  const Workload& workload_;
  const PrefixChains& chains_;
  const bool sessions_, uses_;
  std::vector<std::uint32_t> shared_;  // by chain; empty until asked for
  std::vector<Thinking> thinking_;     // by session
  Thinking all_;
  std::vector<std::vector<LastUse>> last_uses_;  // by chain: the latest and shortest at the back
  std::vector<std::uint8_t> arrived_;            // by turn
  std::vector<std::uint32_t> first_use_;         // by chain, into chain_uses_
  std::vector<std::uint32_t> next_use_;          // by chain: the first by a turn that has not arrived
  std::vector<ChainUse> chain_uses_;
};

}  // namespace kvplan

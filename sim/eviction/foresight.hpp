// What eviction policies know of a load beyond what a memory sees: which blocks
// several sessions share, how long sessions think, and (for the bound) when
// blocks are used again. Shared by all memories of a simulation; each part is
// prepared when it is first asked for.
//
// Think times are learnt as they happen: a session's estimate is the geometric
// mean of its own so far, with that of all sessions counted once. A turn that
// arrives before the one before it has ended counts as a think time of zero. A
// chain belongs to the session that used it last.
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
  Time think_time(std::uint32_t chain) const;  // estimate for the session that used the chain last

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
  struct Thinking {
    std::int64_t log_sum = 0;
    std::int64_t count = 0;
    Time last_end{-1};
  };

  void find_shared();
  void find_uses();
  std::vector<Stretch> stretches(const BlockRange& r) const;

  const Workload& workload_;
  const PrefixChains& chains_;
  const bool sessions_, uses_;
  std::vector<std::uint32_t> shared_;     // by chain; empty until asked for
  std::vector<Thinking> thinking_;        // by session
  Thinking all_;
  std::vector<TurnId> last_user_;         // by chain
  std::vector<std::uint8_t> arrived_;     // by turn
  std::vector<std::uint32_t> first_use_;  // by chain, into chain_uses_
  std::vector<std::uint32_t> next_use_;   // by chain: the first by a turn that has not arrived
  std::vector<ChainUse> chain_uses_;
};

}  // namespace kvplan

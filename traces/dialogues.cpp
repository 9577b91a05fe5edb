#include "traces/dialogues.hpp"

#include <algorithm>

namespace kvplan {

std::int64_t shared_blocks(const Workload& w, const Turn& one, const Turn& other) {
  const auto a = w.blocks(one), b = w.blocks(other);
  return std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())), b.begin())
             .first -
         a.begin();
}

Dialogues dialogues_of(const Workload& w) {
  std::vector<std::int64_t> kept(w.turns.size(), 0);
  std::vector<TurnId> successor(w.turns.size(), kNone);
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const TurnId parent = w.turns[t].continues;
    if (parent == kNone) continue;
    kept[t] = shared_blocks(w, w.turns[parent], w.turns[t]);
    TurnId& best = successor[parent];
    if (best == kNone || kept[t] > kept[best]) best = t;
  }
  Dialogues d;
  for (TurnId t = 0; t < w.turns.size(); ++t) {
    const TurnId parent = w.turns[t].continues;
    const bool goes_on = parent != kNone && (successor[parent] == t || 2 * kept[t] >= w.turns[t].block_count);
    d.begins.push_back(!goes_on);
    d.of_turn.push_back(goes_on ? d.of_turn[parent] : d.count++);
  }
  return d;
}

}  // namespace kvplan

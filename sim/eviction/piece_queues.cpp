#include "sim/eviction/piece_queues.hpp"

#include <algorithm>
#include <iterator>

#include "base/error.hpp"

namespace kvplan {

PieceQueues::Standing PieceQueues::standing(std::uint32_t chain, std::uint32_t block) const {
  auto p = pieces_.upper_bound({chain, block});
  if (p == pieces_.begin()) return {};
  --p;
  return p->first.first == chain && p->second.last > block ? p->second.standing : Standing{};
}

std::optional<PieceQueues::Place> PieceQueues::first(std::uint8_t queue) const {
  if (queues_[queue].empty()) return std::nullopt;
  return *queues_[queue].begin();
}

std::optional<PieceQueues::Place> PieceQueues::from(std::uint8_t queue, const Place& place) const {
  const auto p = queues_[queue].lower_bound(place);
  if (p == queues_[queue].end()) return std::nullopt;
  return *p;
}

BlockRange PieceQueues::range(const Place& place) const {
  const std::uint32_t first = ~place.behind;
  const auto p = pieces_.find({place.chain, first});
  KVPLAN_ASSERT(p != pieces_.end());
  return {place.chain, first, p->second.last};
}

// Removes all pieces of the range, and returns it as stretches from the last to the first.
std::vector<PieceQueues::Stretch> PieceQueues::take_out(const BlockRange& r) {
  split(r.chain, r.first);
  split(r.chain, r.last);
  std::vector<Stretch> stretches;
  std::uint32_t block = r.first;
  for (auto p = pieces_.lower_bound({r.chain, r.first}); p != pieces_.end() && p->first < std::pair(r.chain, r.last);) {
    const std::uint32_t first = p->first.second, last = p->second.last;
    if (block < first) stretches.push_back({{r.chain, block, first}, {}});
    stretches.push_back({{r.chain, first, last}, p->second.standing});
    block = last;
    p = erase(p);
  }
  if (block < r.last) stretches.push_back({{r.chain, block, r.last}, {}});
  std::reverse(stretches.begin(), stretches.end());
  return stretches;
}

void PieceQueues::put(const BlockRange& r, const Standing& standing) {
  const auto p = pieces_.emplace(std::pair(r.chain, r.first), Piece{r.last, standing}).first;
  if (!standing.held) queues_[standing.queue].insert(place_of(p));
  blocks_[standing.queue] += r.blocks();
}

PieceQueues::Pieces::iterator PieceQueues::erase(Pieces::iterator p) {
  const Standing& s = p->second.standing;
  if (!s.held) queues_[s.queue].erase(place_of(p));
  blocks_[s.queue] -= p->second.last - p->first.second;
  return pieces_.erase(p);
}

void PieceQueues::split(std::uint32_t chain, std::uint32_t at) {
  auto p = pieces_.lower_bound({chain, at});
  if (p == pieces_.begin()) return;
  --p;
  if (p->first.first != chain || p->second.last <= at) return;
  const BlockRange back{chain, at, p->second.last};
  const Standing standing = p->second.standing;
  blocks_[standing.queue] -= back.blocks();
  p->second.last = at;
  put(back, standing);
}

void PieceQueues::join_at(std::uint32_t chain, std::uint32_t at) {
  const auto back = pieces_.find({chain, at});
  if (back == pieces_.end() || back == pieces_.begin()) return;
  const auto front = std::prev(back);
  if (front->first.first != chain || front->second.last != at || front->second.standing != back->second.standing) return;
  const std::uint32_t last = back->second.last;
  blocks_[front->second.standing.queue] += last - at;
  front->second.last = last;
  erase(back);
}

}  // namespace kvplan

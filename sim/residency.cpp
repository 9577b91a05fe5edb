#include "sim/residency.hpp"

#include <algorithm>

namespace kvplan {

Residency::PieceId Residency::find(std::uint32_t chain, std::uint32_t block) const {
  PieceId p = first_[chain];
  while (p != kEnds && pieces_[p].last <= block) p = pieces_[p].next;
  return p;
}

Residency::Stretch Residency::stretch(const BlockRange& r) const {
  const PieceId p = find(r.chain, r.first);
  if (p == kEnds || pieces_[p].first >= r.last) return {false, false, 0, r.last};
  const Piece& piece = pieces_[p];
  if (piece.first > r.first) return {false, false, 0, piece.first};
  return {true, piece.ready == 1, piece.references, std::min(piece.last, r.last)};
}

std::uint32_t Residency::ready_until(const BlockRange& r) const {
  std::uint32_t block = r.first;
  for (PieceId p = find(r.chain, block); block < r.last && p != kEnds; p = pieces_[p].next) {
    if (pieces_[p].first > block || !pieces_[p].ready) break;
    block = pieces_[p].last;
  }
  return std::min(block, r.last);
}

bool Residency::any(const BlockRange& r) const {
  const PieceId p = find(r.chain, r.first);
  return p != kEnds && pieces_[p].first < r.last;
}

std::int64_t Residency::unreferenced_weight(const BlockRange& r) const {
  std::int64_t sum = 0;
  for (PieceId p = find(r.chain, r.first); p != kEnds && pieces_[p].first < r.last; p = pieces_[p].next) {
    if (pieces_[p].references > 0) continue;
    sum += weight({r.chain, std::max(pieces_[p].first, r.first), std::min(pieces_[p].last, r.last)});
  }
  return sum;
}

void Residency::insert(const BlockRange& r, bool ready) {
  note(Happening::insert, r, ready);
  Piece piece;
  piece.chain = r.chain;
  piece.first = r.first;
  piece.last = r.last;
  piece.references = 1;
  piece.ready = ready;
  piece.next = first_[r.chain];
  while (piece.next != kEnds && pieces_[piece.next].first < r.first) {
    piece.previous = piece.next;
    piece.next = pieces_[piece.next].next;
  }
  KVPLAN_ASSERT(r.first < r.last && (piece.previous == kEnds || pieces_[piece.previous].last <= r.first));
  KVPLAN_ASSERT(piece.next == kEnds || pieces_[piece.next].first >= r.last);
  const PieceId p = add(piece);
  if (piece.previous == kEnds) {
    first_.set(r.chain, p);
  } else {
    pieces_[piece.previous].next = p;
  }
  if (piece.next != kEnds) pieces_[piece.next].previous = p;
  join_next(join_previous(p));
}

void Residency::reference(const BlockRange& r) {
  note(Happening::reference, r);
  PieceId p = begin_at(r);
  std::uint32_t block = r.first;
  while (true) {
    KVPLAN_ASSERT(p != kEnds && pieces_[p].first == block);
    end_at(p, r.last);
    block = pieces_[p].last;
    if (pieces_[p].references++ == 0) {
      unlink(p);
      evictable_ -= weight(range_of(pieces_[p]));
      if (policy_) policy_->hold(range_of(pieces_[p]));
    }
    p = join_previous(p);
    if (block == r.last) break;
    p = pieces_[p].next;
  }
  join_next(p);
}

void Residency::release(const BlockRange& r) {
  note(Happening::unreference, r);
  PieceId p = begin_at(r);
  std::uint32_t block = r.first;
  while (true) {
    KVPLAN_ASSERT(p != kEnds && pieces_[p].first == block && pieces_[p].references > 0);
    end_at(p, r.last);
    block = pieces_[p].last;
    if (block == r.last) break;
    p = pieces_[p].next;
  }
  while (true) {
    if (--pieces_[p].references == 0) {
      evictable_ += weight(range_of(pieces_[p]));
      link_newest(p);
      if (policy_) policy_->let_go(range_of(pieces_[p]));
    }
    join_next(p);
    if (pieces_[p].first == r.first) break;
    p = pieces_[p].previous;
  }
  join_previous(p);
}

void Residency::become_ready(const BlockRange& r) {
  note(Happening::ready, r);
  std::uint32_t block = r.first;
  for (PieceId p = begin_at(r); block < r.last; p = pieces_[p].next) {
    KVPLAN_ASSERT(p != kEnds && pieces_[p].first == block && !pieces_[p].ready);
    end_at(p, r.last);
    block = pieces_[p].last;
    pieces_[p].ready = 1;
  }
}

void Residency::touch(const BlockRange& r) {
  if (policy_) use(r);
  PieceId p = find(r.chain, r.first);
  if (p == kEnds || pieces_[p].first >= r.last) return;
  PieceId last = p;
  while (pieces_[last].next != kEnds && pieces_[pieces_[last].next].first < r.last) last = pieces_[last].next;
  for (PieceId before; last != kEnds && pieces_[last].last > r.first; last = before) {
    before = pieces_[last].previous;
    if (pieces_[last].references > 0) continue;
    end_at(last, r.last);
    const PieceId touched = pieces_[last].first < r.first ? split(last, r.first) : last;
    unlink(touched);
    link_newest(touched);
    join_next(touched);
  }
}

// Tells the policy of the blocks of the range that are there, the last ones first.
void Residency::use(const BlockRange& r) {
  PieceId p = find(r.chain, r.first);
  if (p == kEnds || pieces_[p].first >= r.last) return;
  while (pieces_[p].next != kEnds && pieces_[pieces_[p].next].first < r.last) p = pieces_[p].next;
  for (; p != kEnds && pieces_[p].last > r.first; p = pieces_[p].previous) {
    const BlockRange part{r.chain, std::max(pieces_[p].first, r.first), std::min(pieces_[p].last, r.last)};
    policy_->access(part);
    policy_->rank(part);
  }
}

void Residency::forget(const BlockRange& r) {
  note(Happening::forget, r);
  if (policy_) policy_->forget(r);
  const PieceId p = begin_at(r);
  KVPLAN_ASSERT(p != kEnds && pieces_[p].first == r.first && pieces_[p].last >= r.last && pieces_[p].references == 1);
  end_at(p, r.last);
  remove(p);
}

// The last blocks of a range that weigh at least `wanted`, or all of it.
BlockRange Residency::enough_of(const BlockRange& whole, std::int64_t wanted) const {
  const std::int64_t last_weight = weight(whole.from(whole.last - 1));
  const std::int64_t more = std::max<std::int64_t>(0, ceil_div(wanted - last_weight, block_weight_));
  return whole.from(static_cast<std::uint32_t>(whole.last - std::min(whole.blocks(), more + 1)));
}

// What stands alike for the policy may be several pieces here.
BlockRange Residency::next_by_policy() const {
  const BlockRange r = policy_->next();
  return r.from(std::max(r.first, pieces_[find(r.chain, r.last - 1)].first));
}

std::int64_t Residency::evict_by_policy(std::int64_t wanted) {
  std::int64_t gone = 0;
  while (gone < wanted) {
    const BlockRange out = enough_of(next_by_policy(), wanted - gone);
    gone += weight(out);
    evict(out);
  }
  return gone;
}

std::int64_t Residency::evict(std::int64_t wanted) {
  if (policy_) return evict_by_policy(wanted);
  std::int64_t gone = 0;
  while (gone < wanted) {
    const PieceId p = pieces_[kEnds].newer;
    KVPLAN_ASSERT(p != kEnds);
    const BlockRange whole = range_of(pieces_[p]);
    const BlockRange out = enough_of(whole, wanted - gone);
    gone += weight(out);
    evicted_blocks_ += out.blocks();
    note(Happening::evict, out);
    if (out.first > whole.first) {
      pieces_[p].last = out.first;
    } else {
      unlink(p);
      remove(p);
    }
  }
  evictable_ -= gone;
  return gone;
}

void Residency::evict(const BlockRange& r) {
  note(Happening::evict, r);
  const PieceId p = begin_at(r);
  KVPLAN_ASSERT(p != kEnds && pieces_[p].first == r.first && pieces_[p].last >= r.last && pieces_[p].references == 0);
  end_at(p, r.last);
  evictable_ -= weight(r);
  evicted_blocks_ += r.blocks();
  if (policy_) policy_->evicted(r);
  unlink(p);
  remove(p);
}

Residency::PieceId Residency::begin_at(const BlockRange& r) {
  const PieceId p = find(r.chain, r.first);
  return p != kEnds && pieces_[p].first < r.first ? split(p, r.first) : p;
}

void Residency::end_at(PieceId p, std::uint32_t last) {
  if (pieces_[p].last > last) split(p, last);
}

Residency::PieceId Residency::add(const Piece& piece) {
  if (spare_.empty()) {
    pieces_.push_back(piece);
    return static_cast<PieceId>(pieces_.size() - 1);
  }
  const PieceId p = spare_.back();
  spare_.pop_back();
  pieces_[p] = piece;
  return p;
}

Residency::PieceId Residency::split(PieceId p, std::uint32_t at) {
  KVPLAN_ASSERT(pieces_[p].first < at && at < pieces_[p].last);
  Piece piece = pieces_[p];
  piece.first = at;
  piece.previous = p;
  piece.newer = p;  // it goes before the front
  const PieceId back = add(piece);
  pieces_[p].last = at;
  pieces_[p].next = back;
  if (piece.next != kEnds) pieces_[piece.next].previous = back;
  if (piece.references == 0) {
    pieces_[piece.older].newer = back;
    pieces_[p].older = back;
  }
  return back;
}

void Residency::remove(PieceId p) {
  const Piece& piece = pieces_[p];
  if (piece.next != kEnds) pieces_[piece.next].previous = piece.previous;
  if (piece.previous != kEnds) {
    pieces_[piece.previous].next = piece.next;
  } else {
    first_.set(piece.chain, piece.next);
  }
  pieces_[p].chain = kNone;
  spare_.push_back(p);
}

void Residency::link_newest(PieceId p) {
  const PieceId last = pieces_[kEnds].older;
  pieces_[p].older = last;
  pieces_[p].newer = kEnds;
  pieces_[last].newer = p;
  pieces_[kEnds].older = p;
}

void Residency::unlink(PieceId p) {
  const Piece& piece = pieces_[p];
  pieces_[piece.older].newer = piece.newer;
  pieces_[piece.newer].older = piece.older;
}

// Joins a piece with the one behind it, where they are alike.
void Residency::join_next(PieceId p) {
  Piece& a = pieces_[p];
  const PieceId next = a.next;
  const Piece& b = pieces_[next];
  if (next == kEnds || a.last != b.first || a.references != b.references || a.ready != b.ready) return;
  if (a.references == 0) {
    if (a.older != next) return;
    unlink(next);
  }
  a.last = b.last;
  remove(next);
}

// Joins a piece with the one before it, where they are alike; returns the piece that it is part of then.
Residency::PieceId Residency::join_previous(PieceId p) {
  const PieceId previous = pieces_[p].previous;
  if (previous == kEnds) return p;
  join_next(previous);
  return pieces_[previous].next == p ? p : previous;
}

std::int64_t Residency::audit() const {
  std::int64_t all = 0, unreferenced = 0;
  for (std::uint32_t chain = 0; chain < chains_->chain_count(); ++chain) {
    std::uint32_t end = 0;
    PieceId previous = kEnds;
    for (PieceId p = first_[chain]; p != kEnds; p = pieces_[p].next) {
      const Piece& piece = pieces_[p];
      KVPLAN_ASSERT(piece.chain == chain && piece.previous == previous && end <= piece.first && piece.first < piece.last);
      KVPLAN_ASSERT(piece.ready || piece.references == 1);
      end = piece.last;
      previous = p;
      all += weight(range_of(piece));
      if (piece.references == 0) unreferenced += weight(range_of(piece));
    }
    KVPLAN_ASSERT(end <= (*chains_)[chain].blocks);
  }
  std::int64_t listed = 0;
  for (PieceId p = pieces_[kEnds].newer; p != kEnds; p = pieces_[p].newer) {
    KVPLAN_ASSERT(pieces_[p].references == 0 && pieces_[pieces_[p].newer].older == p);
    listed += weight(range_of(pieces_[p]));
  }
  KVPLAN_ASSERT(listed == unreferenced && unreferenced == evictable_);
  return all;
}

}  // namespace kvplan

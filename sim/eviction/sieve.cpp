#include <algorithm>

#include "sim/eviction/eviction.hpp"
#include "sim/eviction/piece_queues.hpp"

namespace kvplan {
namespace {

// Zhang et al., "SIEVE is simpler than LRU" (NSDI 2024), Algorithm 1; the rules of traces/policies/sieve.cpp. The hand
// passes over held blocks and leaves their marks.
class Sieve final : public EvictionPolicy {
 public:
  void insert(const BlockRange& r) override {
    const std::int64_t order = ++insertions_;
    blocks_.change(r, [&](PieceQueues::Standing& s) {
      s = {};
      s.queue = 0;
      s.held = true;
      s.order = order;
    });
  }
  void access(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s.count = 1; });
  }
  void hold(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s.held = true; });
  }
  void let_go(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s.held = false; });
  }

  BlockRange next() override {
    while (true) {
      auto place = blocks_.from(0, hand_);
      if (!place) {
        hand_ = {};
        place = blocks_.first(0);
      }
      BlockRange r = blocks_.range(*place);
      // Of a piece that has grown together again, the hand may be in the middle.
      if (place->order == hand_.order && place->chain == hand_.chain) r.last = std::min(r.last, ~hand_.behind + 1);
      const PieceQueues::Standing s = blocks_.standing(r.chain, r.first);
      hand_ = {0, s.order, r.chain, ~(r.last - 1)};
      if (s.count == 0) return r;
      blocks_.change(r, [](PieceQueues::Standing& standing) { standing.count = 0; });
      pass(r, s.order);
    }
  }

  void evicted(const BlockRange& r) override {
    const std::int64_t order = blocks_.standing(r.chain, r.first).order;
    blocks_.change(r, [](PieceQueues::Standing& s) { s = {}; });
    if (order == hand_.order && r.chain == hand_.chain && ~hand_.behind + 1 == r.last) pass(r, order);
  }
  void forget(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s = {}; });
  }

 private:
  // The hand goes on to what comes behind the range, towards younger blocks.
  void pass(const BlockRange& r, std::int64_t order) {
    hand_ = r.first > 0 ? PieceQueues::Place{0, order, r.chain, ~(r.first - 1)} : PieceQueues::Place{0, order, r.chain + 1, 0};
    if (!blocks_.from(0, hand_)) hand_ = {};  // at the head: around, before anything younger comes
  }

  PieceQueues blocks_{1};
  PieceQueues::Place hand_;  // the next block that it looks at; orders begin at 1
  std::int64_t insertions_ = 0;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_sieve_eviction(const EvictionSetup&) { return std::make_unique<Sieve>(); }

}  // namespace kvplan

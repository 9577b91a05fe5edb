#include <algorithm>

#include "sim/eviction/eviction.hpp"
#include "sim/eviction/piece_queues.hpp"

namespace kvplan {
namespace {

// Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache" (FAST 2003), Fig. 4; the rules of
// traces/policies/arc.cpp. Each block adapts the target before room is made for it; what is remembered is cut when all
// that comes together has come. Where a list has only held blocks, the other gives.
class Arc final : public EvictionPolicy {
 public:
  explicit Arc(const EvictionSetup& s) : c_(s.capacity_blocks) {}

  bool block_by_block() const override { return true; }
  void miss(const BlockRange& block) override {
    const std::int64_t b1 = blocks_.blocks(kB1), b2 = blocks_.blocks(kB2);
    const std::uint8_t on = blocks_.standing(block.chain, block.first).queue;
    if (on == kB1) p_ = std::min(c_, p_ + std::max<std::int64_t>(1, b2 / b1));
    if (on == kB2) p_ = std::max<std::int64_t>(0, p_ - std::max<std::int64_t>(1, b1 / b2));
    asked_by_b2_ = on == kB2;
  }
  void insert(const BlockRange& r) override {
    const std::int64_t order = ++events_;
    blocks_.change(r, [&](PieceQueues::Standing& s) {
      const std::uint8_t queue = s.queue == PieceQueues::kNoQueue ? kT1 : kT2;
      s = {};
      s.queue = queue;
      s.held = true;
      s.order = order;
    });
  }
  // |T1| + |B1| <= c, all four together <= 2 c.
  void all_came() override {
    const std::int64_t l1 = blocks_.blocks(kT1) + blocks_.blocks(kB1);
    drop_oldest(kB1, l1 - c_);
    drop_oldest(kB2, std::min(l1, c_) + blocks_.blocks(kT2) + blocks_.blocks(kB2) - 2 * c_);
  }
  void access(const BlockRange& r) override {
    const std::int64_t order = ++events_;
    blocks_.change(r, [&](PieceQueues::Standing& s) {
      s.queue = kT2;
      s.order = order;
    });
  }
  void hold(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s.held = true; });
  }
  void let_go(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s.held = false; });
  }

  BlockRange next() override {
    const std::int64_t t1 = blocks_.blocks(kT1), beyond = t1 - p_ + asked_by_b2_;
    const auto first = blocks_.first(kT1), second = blocks_.first(kT2);
    const bool wants_t1 = t1 > 0 && beyond > 0;
    if (second && (!wants_t1 || !first)) return blocks_.range(*second);
    const BlockRange whole = blocks_.range(*first);
    const std::int64_t most = wants_t1 && second ? std::min(whole.blocks(), beyond) : whole.blocks();
    return whole.from(whole.last - static_cast<std::uint32_t>(most));
  }

  void evicted(const BlockRange& r) override {
    const std::int64_t order = ++events_;
    blocks_.change(r, [&](PieceQueues::Standing& s) {
      s.queue = s.queue == kT1 ? kB1 : kB2;
      s.order = order;
      s.held = false;
    });
  }
  void forget(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s = {}; });
  }

 private:
  static constexpr std::uint8_t kT1 = 0, kT2 = 1, kB1 = 2, kB2 = 3;

  void drop_oldest(std::uint8_t ghosts, std::int64_t n) {
    while (n > 0 && blocks_.blocks(ghosts) > 0) {
      const BlockRange oldest = blocks_.range(*blocks_.first(ghosts));
      const std::int64_t now = std::min(oldest.blocks(), n);
      forget(oldest.from(oldest.last - static_cast<std::uint32_t>(now)));
      n -= now;
    }
  }

  const std::int64_t c_;
  std::int64_t p_ = 0;
  bool asked_by_b2_ = false;
  PieceQueues blocks_{4};
  std::int64_t events_ = 0;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_arc_eviction(const EvictionSetup& s) { return std::make_unique<Arc>(s); }

}  // namespace kvplan

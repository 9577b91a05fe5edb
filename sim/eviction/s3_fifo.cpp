#include <algorithm>

#include "sim/eviction/eviction.hpp"
#include "sim/eviction/piece_queues.hpp"

namespace kvplan {
namespace {

// Yang et al., "FIFO queues are all you need for cache eviction" (SOSP 2023), Algorithm 1; the rules of
// traces/policies/s3_fifo.cpp. Held blocks are passed over; where one queue has only such, the other gives.
class S3Fifo final : public EvictionPolicy {
 public:
  explicit S3Fifo(const EvictionSetup& s)
      : small_(std::max<std::int64_t>(1, s.capacity_blocks / 10)),
        ghosts_(std::max<std::int64_t>(1, s.capacity_blocks - small_)) {}

  void insert(const BlockRange& r) override {
    const std::int64_t order = ++events_;
    blocks_.change(r, [&](PieceQueues::Standing& s) {
      const std::uint8_t queue = s.queue == kGhost ? kMain : kSmall;
      s = {};
      s.queue = queue;
      s.held = true;
      s.order = order;
    });
  }
  void access(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s.count = std::min(s.count + 1, 3u); });
  }
  void hold(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s.held = true; });
  }
  void let_go(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s.held = false; });
  }

  BlockRange next() override {
    while (true) {
      const auto small = blocks_.first(kSmall), main = blocks_.first(kMain);
      const bool wants_small = blocks_.blocks(kSmall) >= small_ || blocks_.blocks(kMain) == 0;
      const bool from_small = small && (wants_small || !main);
      const std::int64_t most = wants_small && main ? std::max<std::int64_t>(1, blocks_.blocks(kSmall) - small_ + 1) : 1;
      const BlockRange whole = blocks_.range(from_small ? *small : *main);
      const BlockRange r = from_small ? whole.from(whole.last - static_cast<std::uint32_t>(std::min(whole.blocks(), most))) : whole;
      const std::uint32_t count = blocks_.standing(r.chain, r.first).count;
      if (count <= (from_small ? 1u : 0u)) return r;
      const std::int64_t order = ++events_;
      blocks_.change(r, [&](PieceQueues::Standing& s) {
        s.count = from_small ? 0 : s.count - 1;
        s.queue = kMain;
        s.order = order;
      });
    }
  }

  void evicted(const BlockRange& r) override {
    const std::int64_t order = ++events_;
    blocks_.change(r, [&](PieceQueues::Standing& s) {
      const bool remembered = s.queue == kSmall;
      s = {};
      if (!remembered) return;
      s.queue = kGhost;
      s.order = order;
    });
    while (blocks_.blocks(kGhost) > ghosts_) {
      const BlockRange oldest = blocks_.range(*blocks_.first(kGhost));
      const std::int64_t n = std::min(oldest.blocks(), blocks_.blocks(kGhost) - ghosts_);
      forget(oldest.from(oldest.last - static_cast<std::uint32_t>(n)));
    }
  }
  void forget(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s = {}; });
  }

 private:
  static constexpr std::uint8_t kSmall = 0, kMain = 1, kGhost = 2;

  const std::int64_t small_, ghosts_;
  PieceQueues blocks_{3};
  std::int64_t events_ = 0;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_s3_fifo_eviction(const EvictionSetup& s) { return std::make_unique<S3Fifo>(s); }

}  // namespace kvplan

#include <algorithm>
#include <tuple>

#include "sim/eviction/eviction.hpp"
#include "sim/eviction/foresight.hpp"
#include "sim/eviction/piece_queues.hpp"

namespace kvplan {
namespace {

// Keeps what its session is expected back for soonest: a session returns a think
// time after it was last seen, as long as its past ones (foresight.hpp). Who has
// stayed away for more than twice as long is taken to have left: what was to be
// back longest ago goes first. After those, what is expected back latest goes
// first. Blocks of several sessions count for the one that is expected first.
class Session final : public EvictionPolicy {
 public:
  explicit Session(const EvictionSetup& s) : foresight_(s.foresight) {}

  void insert(const BlockRange& r) override {
    blocks_.change(r, [&](PieceQueues::Standing& s) {
      s = {};
      s.queue = kExpected;
      s.held = true;
    });
  }
  void access(const BlockRange&) override {}
  void rank(const BlockRange& r) override {
    foresight_.think_times(r, [&](const BlockRange& part, Time think) { expect(part, think); });
  }
  void hold(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s.held = true; });
  }
  void let_go(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s.held = false; });
  }
  BlockRange next() override {
    give_up_overdue();
    const auto left = blocks_.first(kLeft);
    return blocks_.range(left ? *left : *blocks_.first(kExpected));
  }
  void evicted(const BlockRange& r) override {
    blocks_.change(r, [](PieceQueues::Standing& s) { s = {}; });
  }
  void forget(const BlockRange& r) override { evicted(r); }

 private:
  static constexpr std::uint8_t kExpected = 0, kLeft = 1;

  void expect(const BlockRange& r, Time think) {
    const std::int64_t back = time_after(use_.at, think).count, overdue = time_after(Time(back), think).count;
    const std::int64_t order = ++uses_;
    blocks_.change(r, [&](PieceQueues::Standing& s) {
      const bool earlier = s.queue == kExpected && -s.rank > use_.at.count;  // another session, before this one
      s.rank = earlier ? std::max(s.rank, -back) : -back;                    // the latest return has the lowest rank
      s.until = std::max(s.until, overdue);
      s.order = order;
      s.queue = kExpected;
    });
    waits_.push_back({overdue, r});
    std::push_heap(waits_.begin(), waits_.end(), later);
  }

  void give_up_overdue() {
    while (!waits_.empty() && waits_.front().overdue <= use_.at.count) {
      std::pop_heap(waits_.begin(), waits_.end(), later);
      const Wait due = waits_.back();
      waits_.pop_back();
      blocks_.change(due.range, [&](PieceQueues::Standing& s) {
        if (s.queue != kExpected || s.until != due.overdue) return;
        s.queue = kLeft;
        s.rank = s.until;
      });
    }
  }

  struct Wait {
    std::int64_t overdue;
    BlockRange range;
  };
  static bool later(const Wait& a, const Wait& b) {
    return std::tie(a.overdue, a.range.chain, a.range.first, a.range.last) >
           std::tie(b.overdue, b.range.chain, b.range.first, b.range.last);
  }

  Foresight& foresight_;
  PieceQueues blocks_{2};
  std::vector<Wait> waits_;
  std::int64_t uses_ = 0;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_session_eviction(const EvictionSetup& s) { return std::make_unique<Session>(s); }

}  // namespace kvplan

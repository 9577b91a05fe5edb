#include <algorithm>
#include <set>
#include <tuple>

#include "sim/eviction/foresight.hpp"
#include "sim/eviction/ranked.hpp"

namespace kvplan {
namespace {

// TensorRT-LLM's: the lowest priority goes first, within a priority the least
// recently used. Each use gives a block the priority of what it is part of: a
// prefix that several sessions share, any other prompt, an answer. A priority
// above the default lasts for a duration from the last use on; then the block
// falls to the default.
//
// Priorities do not rise from prefix to prompt to answer (checked by whoever
// configures), and all last equally long: so no block outranks those before it.
class Priority final : public RankedPolicy {
 public:
  explicit Priority(const EvictionSetup& s) : retention_(s.retention), foresight_(s.foresight) {}

  BlockRange next() override {
    expire();
    return RankedPolicy::next();
  }
  std::int64_t priority(std::uint32_t chain, std::uint32_t block) const override {
    return blocks_.standing(chain, block).rank;
  }

  void rank(const BlockRange& r) override {
    const std::uint32_t shared = std::clamp(foresight_.shared_blocks(r.chain), r.first, r.last);
    const std::int64_t order = now();
    // The later part first: it is to go first.
    if (shared < r.last) set(r.from(shared), use_.answer ? retention_.answer : retention_.prompt, order);
    if (r.first < shared) set(r.until(shared), retention_.prefix, order);
  }

 private:
  struct Expiry {
    std::int64_t until;
    BlockRange range;
    bool operator<(const Expiry& o) const {
      return std::tie(until, range.chain, range.first, range.last) < std::tie(o.until, o.range.chain, o.range.first, o.range.last);
    }
  };

  void set(const BlockRange& r, std::int64_t priority, std::int64_t order) {
    const Time end = priority <= retention_.fallback ? Time::max() : time_after(use_.at, retention_.duration);
    const bool lasts = end == Time::max();
    blocks_.change(r, [&](PieceQueues::Standing& s) {
      s.rank = priority;
      s.order = order;
      s.until = end.count;
    });
    if (!lasts) expiries_.insert({end.count, r});
  }

  // Blocks that were used again since have a later end, and stay.
  void expire() {
    while (!expiries_.empty() && expiries_.begin()->until <= use_.at.count) {
      const Expiry due = *expiries_.begin();
      expiries_.erase(expiries_.begin());
      blocks_.change(due.range, [&](PieceQueues::Standing& s) {
        if (s.queue == 0 && s.until == due.until) s.rank = std::min(s.rank, retention_.fallback);
      });
    }
  }

  const RetentionConfig retention_;
  Foresight& foresight_;
  std::set<Expiry> expiries_;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_priority_eviction(const EvictionSetup& s) { return std::make_unique<Priority>(s); }

}  // namespace kvplan

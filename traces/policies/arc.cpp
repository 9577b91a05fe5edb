#include <algorithm>

#include "traces/policies/block_lists.hpp"
#include "traces/policies/policy.hpp"

namespace kvplan {
namespace {

// Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache" (FAST 2003), Fig. 4.
//
// T1 holds blocks seen once lately, T2 those seen more often; B1 and B2 remember what each has lost. A miss that B1
// remembers raises the target size p of T1, one that B2 remembers lowers it. |T1| + |T2| <= c, |T1| + |B1| <= c,
// all four together <= 2 c.
class Arc final : public BlockwisePolicy {
 public:
  explicit Arc(const CacheSetup& s)
      : BlockwisePolicy(s.order), c_(s.capacity_blocks), lists_(s.workload.block_count(), 4) {}

  bool holds(BlockId block) const override { return lists_.list_of(block) == kT1 || lists_.list_of(block) == kT2; }

 private:
  static constexpr std::uint8_t kT1 = 0, kT2 = 1, kB1 = 2, kB2 = 3;

  void access(BlockId block) override {
    const std::int64_t b1 = lists_.size(kB1), b2 = lists_.size(kB2);
    const std::uint8_t on = lists_.list_of(block);
    if (on == kB1) p_ = std::min(c_, p_ + std::max<std::int64_t>(1, b2 / b1));
    if (on == kB2) p_ = std::max<std::int64_t>(0, p_ - std::max<std::int64_t>(1, b1 / b2));
    if (on == kB1 || on == kB2) replace(on == kB2);
    if (on == BlockLists::kNoList) make_room();
    lists_.move_front(on == BlockLists::kNoList ? kT1 : kT2, block);
  }

  void make_room() {
    const std::int64_t l1 = lists_.size(kT1) + lists_.size(kB1);
    const std::int64_t all = l1 + lists_.size(kT2) + lists_.size(kB2);
    if (l1 == c_) {
      if (lists_.size(kT1) == c_) {
        lists_.pop_back(kT1);
        return;
      }
      lists_.pop_back(kB1);
      replace(false);
    } else if (all >= c_) {
      if (all == 2 * c_) lists_.pop_back(kB2);
      replace(false);
    }
  }

  void replace(bool asked_by_b2) {
    const std::int64_t t1 = lists_.size(kT1);
    const bool from_t1 = t1 > 0 && (t1 > p_ || (asked_by_b2 && t1 == p_));
    if (!from_t1 && lists_.size(kT2) == 0) return;
    lists_.push_front(from_t1 ? kB1 : kB2, lists_.pop_back(from_t1 ? kT1 : kT2));
  }

  const std::int64_t c_;
  std::int64_t p_ = 0;
  BlockLists lists_;
};

}  // namespace

std::unique_ptr<CachePolicy> make_arc(const CacheSetup& s) { return std::make_unique<Arc>(s); }

}  // namespace kvplan

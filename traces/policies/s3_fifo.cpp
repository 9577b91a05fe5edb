#include <algorithm>

#include "traces/policies/block_lists.hpp"
#include "traces/policies/policy.hpp"

namespace kvplan {
namespace {

// Yang et al., "FIFO queues are all you need for cache eviction" (SOSP 2023), Algorithm 1.
//
// What is seen first enters a small queue of a tenth of the cache; what is touched again before it leaves moves to the
// main queue, the rest is only remembered by a ghost queue as long as the main one: a miss that the ghosts remember
// enters the main queue at once. The main queue lets a block go around again as often as it was touched, three
// times at most.
class S3Fifo final : public BlockwisePolicy {
 public:
  explicit S3Fifo(const CacheSetup& s)
      : BlockwisePolicy(s.order),
        capacity_(s.capacity_blocks),
        small_(std::max<std::int64_t>(1, capacity_ / 10)),
        lists_(s.workload.block_count(), 3),
        touches_(s.workload.block_count(), 0) {}

  bool holds(BlockId block) const override { return lists_.list_of(block) == kSmall || lists_.list_of(block) == kMain; }

 private:
  static constexpr std::uint8_t kSmall = 0, kMain = 1, kGhost = 2;

  void access(BlockId block) override {
    if (holds(block)) {
      touches_[block] = static_cast<std::uint8_t>(std::min(touches_[block] + 1, 3));
      return;
    }
    while (lists_.size(kSmall) + lists_.size(kMain) >= capacity_) evict();
    lists_.move_front(lists_.list_of(block) == kGhost ? kMain : kSmall, block);
    touches_[block] = 0;
  }

  void evict() {
    if (lists_.size(kSmall) >= small_ || lists_.size(kMain) == 0) {
      leave_small();
    } else {
      leave_main();
    }
  }

  void leave_small() {
    const BlockId block = lists_.pop_back(kSmall);
    if (touches_[block] > 1) {
      lists_.push_front(kMain, block);
      touches_[block] = 0;
      return;
    }
    lists_.push_front(kGhost, block);
    if (lists_.size(kGhost) > std::max<std::int64_t>(1, capacity_ - small_)) lists_.pop_back(kGhost);
  }

  void leave_main() {
    const BlockId block = lists_.pop_back(kMain);
    if (touches_[block] == 0) return;
    --touches_[block];
    lists_.push_front(kMain, block);
  }

  const std::int64_t capacity_, small_;
  BlockLists lists_;
  std::vector<std::uint8_t> touches_;
};

}  // namespace

std::unique_ptr<CachePolicy> make_s3_fifo(const CacheSetup& s) { return std::make_unique<S3Fifo>(s); }

}  // namespace kvplan

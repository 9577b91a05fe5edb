#include "traces/policies/block_lists.hpp"
#include "traces/policies/policy.hpp"

namespace kvplan {
namespace {

class Lru final : public BlockwisePolicy {
 public:
  explicit Lru(const CacheSetup& s)
      : BlockwisePolicy(s.order), capacity_(s.capacity_blocks), lists_(s.workload.block_count(), 1) {}

  bool holds(BlockId block) const override { return lists_.list_of(block) == 0; }

 private:
  void access(BlockId block) override {
    if (!holds(block) && lists_.size(0) == capacity_) lists_.pop_back(0);
    lists_.move_front(0, block);
  }

  const std::int64_t capacity_;
  BlockLists lists_;
};

}  // namespace

std::unique_ptr<CachePolicy> make_lru(const CacheSetup& s) { return std::make_unique<Lru>(s); }

}  // namespace kvplan

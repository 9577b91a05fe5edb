#include <map>
#include <tuple>

#include "traces/policies/policy.hpp"

namespace kvplan {
namespace {

// Evicts the block with the fewest touches since it was inserted; among equals the one touched longest ago.
class Lfu final : public BlockwisePolicy {
 public:
  explicit Lfu(const CacheSetup& s)
      : BlockwisePolicy(s.order), capacity_(s.capacity_blocks), key_(s.workload.block_count()) {}

  bool holds(BlockId block) const override { return key_[block].first > 0; }

 private:
  using Key = std::pair<std::int64_t, std::int64_t>;  // touches since insertion, time of the last; touches 0: absent

  void access(BlockId block) override {
    Key& key = key_[block];
    if (holds(block)) {
      by_key_.erase(key);
    } else if (static_cast<std::int64_t>(by_key_.size()) == capacity_) {
      key_[by_key_.begin()->second] = {};
      by_key_.erase(by_key_.begin());
    }
    key = {key.first + 1, ++now_};
    by_key_.emplace(key, block);
  }

  const std::int64_t capacity_;
  std::int64_t now_ = 0;
  std::vector<Key> key_;
  std::map<Key, BlockId> by_key_;
};

}  // namespace

std::unique_ptr<CachePolicy> make_lfu(const CacheSetup& s) { return std::make_unique<Lfu>(s); }

}  // namespace kvplan

#include <algorithm>
#include <list>
#include <map>

#include "validate/twin/eviction.hpp"

namespace kvplan::twin {
namespace {

// Yang et al., "FIFO queues are all you need for cache eviction" (SOSP 2023), Algorithm 1: a tenth of the blocks is the
// small queue, as many ghosts as the main one has blocks. Where one queue has none that may go, the other gives.
class S3Fifo final : public Queues {
 public:
  explicit S3Fifo(std::int64_t capacity)
      : small_blocks_(std::max<std::int64_t>(1, capacity / 10)),
        most_ghosts_(std::max<std::int64_t>(1, capacity - small_blocks_)) {}

  void come(BlockId b) override {
    const auto ghost = std::find(ghosts_.begin(), ghosts_.end(), b);
    (ghost == ghosts_.end() ? small_ : main_).push_back(b);
    if (ghost != ghosts_.end()) ghosts_.erase(ghost);
    uses_[b] = 0;
  }
  void use(BlockId b) override { uses_[b] = std::min(uses_[b] + 1, 3); }
  BlockId next(const std::function<bool(BlockId)>& may_go) override {
    while (true) {
      const auto small = std::find_if(small_.begin(), small_.end(), may_go);
      const auto main = std::find_if(main_.begin(), main_.end(), may_go);
      const bool full = static_cast<std::int64_t>(small_.size()) >= small_blocks_ || main_.empty();
      const bool from_small = small != small_.end() && (full || main == main_.end());
      const BlockId b = from_small ? *small : *main;
      if (uses_[b] <= (from_small ? 1 : 0)) return b;
      uses_[b] = from_small ? 0 : uses_[b] - 1;
      from_small ? small_.erase(small) : main_.erase(main);
      main_.push_back(b);
    }
  }
  void evicted(BlockId b) override {
    if (std::find(small_.begin(), small_.end(), b) != small_.end()) ghosts_.push_back(b);
    if (static_cast<std::int64_t>(ghosts_.size()) > most_ghosts_) ghosts_.pop_front();
    small_.remove(b);
    main_.remove(b);
  }

 private:
  const std::int64_t small_blocks_, most_ghosts_;
  std::list<BlockId> small_, main_, ghosts_;  // oldest first
  std::map<BlockId, int> uses_;
};

}  // namespace

std::shared_ptr<Queues> s3_fifo_queues(std::int64_t capacity_blocks) {
  return std::make_shared<S3Fifo>(capacity_blocks);
}

}  // namespace kvplan::twin

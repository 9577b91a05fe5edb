#include <algorithm>
#include <list>

#include "validate/twin/eviction.hpp"

namespace kvplan::twin {
namespace {

// Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache" (FAST 2003), Fig. 4: blocks seen once and
// more often, and what each of the two lists has lost. A miss of what was seen once raises the share of such blocks, one
// of what was seen more often lowers it. Where a list has none that may go, the other gives. What is remembered is cut
// when all that comes together has come.
class Arc final : public Queues {
 public:
  explicit Arc(std::int64_t capacity) : capacity_(capacity) {}

  void miss(BlockId b) override {
    const std::int64_t lost_once = size(lost_once_), lost_often = size(lost_often_);
    lost_often_asks_ = is_on(lost_often_, b);
    if (is_on(lost_once_, b)) share_ = std::min(capacity_, share_ + std::max<std::int64_t>(1, lost_often / lost_once));
    if (lost_often_asks_) share_ = std::max<std::int64_t>(0, share_ - std::max<std::int64_t>(1, lost_once / lost_often));
  }
  void come(BlockId b) override {
    const bool known = is_on(lost_once_, b) || is_on(lost_often_, b);
    lost_once_.remove(b);
    lost_often_.remove(b);
    (known ? often_ : once_).push_back(b);
  }
  void all_came() override {
    while (size(once_) + size(lost_once_) > capacity_ && !lost_once_.empty()) lost_once_.pop_front();
    const std::int64_t once = std::min(capacity_, size(once_) + size(lost_once_));
    while (once + size(often_) + size(lost_often_) > 2 * capacity_ && !lost_often_.empty()) lost_often_.pop_front();
  }
  void use(BlockId b) override {
    once_.remove(b);
    often_.remove(b);
    often_.push_back(b);
  }
  BlockId next(const std::function<bool(BlockId)>& may_go) override {
    const auto once = std::find_if(once_.begin(), once_.end(), may_go);
    const auto often = std::find_if(often_.begin(), often_.end(), may_go);
    const bool too_many = size(once_) > share_ || (lost_often_asks_ && size(once_) == share_);
    const bool from_once = once != once_.end() && ((too_many && !once_.empty()) || often == often_.end());
    return from_once ? *once : *often;
  }
  void evicted(BlockId b) override {
    (is_on(once_, b) ? lost_once_ : lost_often_).push_back(b);
    once_.remove(b);
    often_.remove(b);
  }

 private:
  using List = std::list<BlockId>;  // the oldest first
  static bool is_on(const List& list, BlockId b) { return std::find(list.begin(), list.end(), b) != list.end(); }
  static std::int64_t size(const List& list) { return static_cast<std::int64_t>(list.size()); }

  const std::int64_t capacity_;
  std::int64_t share_ = 0;  // of blocks seen once
  bool lost_often_asks_ = false;
  List once_, often_, lost_once_, lost_often_;
};

}  // namespace

std::shared_ptr<Queues> arc_queues(std::int64_t capacity_blocks) { return std::make_shared<Arc>(capacity_blocks); }

}  // namespace kvplan::twin

#include <algorithm>
#include <list>

#include "validate/twin/eviction.hpp"

namespace kvplan::twin {
namespace {

// Zhang et al., "SIEVE is simpler than LRU" (NSDI 2024), Algorithm 1. The hand goes from the oldest block towards the
// youngest, and around when none ahead of it may go.
class Sieve final : public Queues {
 public:
  void come(BlockId b) override { queue_.push_back({++number_, b, false}); }
  void use(BlockId b) override { find(b)->marked = true; }
  BlockId next(const std::function<bool(BlockId)>& may_go) override {
    while (true) {
      const auto ahead = [&](const Entry& e) { return e.number >= hand_ && may_go(e.block); };
      auto e = std::find_if(queue_.begin(), queue_.end(), ahead);
      if (e == queue_.end()) {
        hand_ = 0;
        e = std::find_if(queue_.begin(), queue_.end(), ahead);
      }
      hand_ = e->number;
      if (!e->marked) {
        rest_ = std::any_of(std::next(e), queue_.end(), ahead);
        return e->block;
      }
      e->marked = false;
      pass(std::any_of(std::next(e), queue_.end(), ahead));
    }
  }
  void evicted(BlockId b) override {
    const bool at_hand = find(b)->number == hand_;
    queue_.erase(find(b));
    if (at_hand) pass(rest_);
  }

 private:
  struct Entry {
    std::int64_t number;
    BlockId block;
    bool marked;
  };
  std::list<Entry>::iterator find(BlockId b) {
    return std::find_if(queue_.begin(), queue_.end(), [&](const Entry& e) { return e.block == b; });
  }
  void pass(bool any_ahead) { hand_ = any_ahead ? hand_ + 1 : 0; }

  std::list<Entry> queue_;  // oldest first
  std::int64_t number_ = 0, hand_ = 0;
  bool rest_ = false;  // whether any may go ahead of what goes next
};

}  // namespace

std::shared_ptr<Queues> sieve_queue() { return std::make_shared<Sieve>(); }

}  // namespace kvplan::twin

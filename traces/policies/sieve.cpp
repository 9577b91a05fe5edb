#include "traces/policies/block_lists.hpp"
#include "traces/policies/policy.hpp"

namespace kvplan {
namespace {

// Zhang et al., "SIEVE is simpler than LRU" (NSDI 2024), Algorithm 1: a FIFO queue over which a hand moves from the
// tail to the head and around; it clears the mark of touched blocks and evicts the first that has none.
class Sieve final : public BlockwisePolicy {
 public:
  explicit Sieve(const CacheSetup& s)
      : BlockwisePolicy(s.order),
        capacity_(s.capacity_blocks),
        queue_(s.workload.block_count(), 1),
        touched_(s.workload.block_count(), false) {}

  bool holds(BlockId block) const override { return queue_.list_of(block) == 0; }

 private:
  void access(BlockId block) override {
    if (holds(block)) {
      touched_[block] = true;
      return;
    }
    if (queue_.size(0) == capacity_) evict();
    queue_.push_front(0, block);
    touched_[block] = false;
  }

  void evict() {
    BlockId victim = hand_ == kNone ? queue_.back(0) : hand_;
    while (touched_[victim]) {
      touched_[victim] = false;
      const BlockId next = queue_.towards_front(0, victim);
      victim = next == kNone ? queue_.back(0) : next;
    }
    hand_ = queue_.towards_front(0, victim);
    queue_.remove(victim);
  }

  const std::int64_t capacity_;
  BlockLists queue_;
  std::vector<bool> touched_;
  BlockId hand_ = kNone;  // kNone: at the tail
};

}  // namespace

std::unique_ptr<CachePolicy> make_sieve(const CacheSetup& s) { return std::make_unique<Sieve>(s); }

}  // namespace kvplan

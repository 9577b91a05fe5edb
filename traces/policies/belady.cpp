#include <limits>
#include <queue>
#include <utility>

#include "traces/policies/policy.hpp"

namespace kvplan {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kAbsent = kNever - 1;

// The offline bound: after each prompt the cache keeps, of what it held and what
// the prompt brought, the blocks whose next use comes first; what is never used
// again is not kept at all.
//
// No policy has more block hits at the same capacity: each hit is an interval
// between two uses of a block in which it is kept, at most `capacity` intervals
// overlap, and dropping those that end last packs the most intervals. As a
// block is used whenever a block behind it is, and the deeper of two that are
// used together goes first, a chain is always kept from its head on: block hits are prefix hits.
class Belady final : public CachePolicy {
 public:
  explicit Belady(const CacheSetup& s)
      : capacity_(s.capacity_blocks), next_(s.workload.prompt_blocks.size()), key_(s.workload.block_count(), kAbsent) {
    std::vector<std::uint64_t> use(s.workload.block_count(), kNever);
    for (std::size_t t = s.workload.turns.size(); t-- > 0;) {
      const Turn& turn = s.workload.turns[t];
      const auto blocks = s.workload.blocks(turn);
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        next_[turn.first_block + i] = std::exchange(use[blocks[i]], (std::uint64_t{t} << 32) | i);
      }
    }
  }

  bool holds(BlockId block) const override { return key_[block] != kAbsent; }

  void touch(std::span<const BlockId> blocks, std::size_t at) override {
    for (std::size_t i = 0; i < blocks.size(); ++i) set(blocks[i], next_[at + i]);
    while (held_ > capacity_) {
      const auto [key, block] = by_next_use_.top();
      by_next_use_.pop();
      if (key_[block] == key) set(block, kAbsent);
    }
    // Entries of keys that have changed stay until they surface; rebuilt before they outweigh the others.
    if (by_next_use_.size() > 4 * static_cast<std::size_t>(held_) + 1024) rebuild();
  }

 private:
  using Entry = std::pair<std::uint64_t, BlockId>;  // turn and position of the next use

  void set(BlockId block, std::uint64_t key) {
    if (key == kNever) key = kAbsent;
    held_ += (key != kAbsent) - (key_[block] != kAbsent);
    key_[block] = key;
    if (key != kAbsent) by_next_use_.emplace(key, block);
  }

  void rebuild() {
    std::vector<Entry> live;
    for (; !by_next_use_.empty(); by_next_use_.pop()) {
      const Entry& top = by_next_use_.top();
      if (key_[top.second] == top.first && (live.empty() || live.back() != top)) live.push_back(top);
    }
    by_next_use_ = std::priority_queue<Entry>({}, std::move(live));
  }

  const std::int64_t capacity_;
  std::int64_t held_ = 0;
  std::vector<std::uint64_t> next_;  // by index into Workload::prompt_blocks
  std::vector<std::uint64_t> key_;   // by block
  std::priority_queue<Entry> by_next_use_;
};

}  // namespace

std::unique_ptr<CachePolicy> make_belady(const CacheSetup& s) { return std::make_unique<Belady>(s); }

}  // namespace kvplan

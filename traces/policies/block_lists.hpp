// Several lists over the same block ids; a block is on one of them, or on none.
// Links are arrays by id: no allocation after construction.
#pragma once

#include <cstdint>
#include <vector>

#include "traces/workload.hpp"

namespace kvplan {

class BlockLists {
 public:
  static constexpr std::uint8_t kNoList = 0xff;

  BlockLists(std::uint32_t blocks, std::uint8_t lists)
      : next_(blocks + std::size_t{lists}),
        previous_(next_.size()),
        on_(blocks, kNoList),
        size_(lists),
        blocks_(blocks) {
    for (std::uint8_t l = 0; l < lists; ++l) next_[end(l)] = previous_[end(l)] = end(l);
  }

  std::uint8_t list_of(BlockId block) const { return on_[block]; }
  std::int64_t size(std::uint8_t list) const { return size_[list]; }

  void push_front(std::uint8_t list, BlockId block) {
    const BlockId sentinel = end(list), first = next_[sentinel];
    next_[block] = first;
    previous_[block] = sentinel;
    next_[sentinel] = previous_[first] = block;
    on_[block] = list;
    ++size_[list];
  }

  void remove(BlockId block) {
    next_[previous_[block]] = next_[block];
    previous_[next_[block]] = previous_[block];
    --size_[on_[block]];
    on_[block] = kNoList;
  }

  void move_front(std::uint8_t list, BlockId block) {
    if (on_[block] != kNoList) remove(block);
    push_front(list, block);
  }

  // The list must not be empty.
  BlockId back(std::uint8_t list) const { return previous_[end(list)]; }
  BlockId pop_back(std::uint8_t list) {
    const BlockId block = back(list);
    remove(block);
    return block;
  }

  // Towards the front; from the front, kNone.
  BlockId towards_front(std::uint8_t list, BlockId block) const {
    return previous_[block] == end(list) ? kNone : previous_[block];
  }

 private:
  BlockId end(std::uint8_t list) const { return blocks_ + list; }

  std::vector<BlockId> next_, previous_;
  std::vector<std::uint8_t> on_;
  std::vector<std::int64_t> size_;
  std::uint32_t blocks_;
};

}  // namespace kvplan

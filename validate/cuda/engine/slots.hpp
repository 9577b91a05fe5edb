// Which slot of a tier's memory holds which block. The simulator's tiers count
// blocks; slots give each a place of its own.
//
// What the books have evicted keeps its slot until slots run out, and is then
// looked up in the books: so nothing has to be told, and since blocks in the
// books never exceed the capacity, there is always a slot.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "traces/prefix_chains.hpp"

namespace kvplan::gpu {

class Slots {
 public:
  static constexpr std::int32_t kNowhere = -1;

  Slots(const PrefixChains& chains, std::int32_t slots) : chains_(&chains), of_(chains.block_count(), kNowhere) {
    for (std::int32_t s = slots; s-- > 0;) free_.push_back(s);
  }

  std::int32_t of(std::uint32_t place) const { return of_[place]; }

  // The block's slot, a free one where it has none. Books: has `stretch(BlockRange)`, as Residency has.
  template <class Books>
  std::int32_t take(std::uint32_t place, const Books& books) {
    std::int32_t& slot = of_[place];
    if (slot != kNowhere) return slot;
    if (free_.empty()) collect(books);
    if (free_.empty()) throw std::logic_error("a tier holds more blocks than it has room for");
    slot = free_.back();
    free_.pop_back();
    return slot;
  }

  void release(std::uint32_t place) {
    free_.push_back(of_[place]);
    of_[place] = kNowhere;
  }

 private:
  template <class Books>
  void collect(const Books& books) {
    for (std::uint32_t c = 0; c < chains_->chain_count(); ++c) {
      const Chain& chain = (*chains_)[c];
      for (BlockRange rest{c, 0, chain.blocks}; rest.first < rest.last;) {
        const auto stretch = books.stretch(rest);
        for (std::uint32_t i = rest.first; i < stretch.end && !stretch.present; ++i) {
          if (of_[chain.first_place + i] != kNowhere) release(chain.first_place + i);
        }
        rest = rest.from(stretch.end);
      }
    }
  }

  const PrefixChains* chains_;
  std::vector<std::int32_t> of_;  // by place
  std::vector<std::int32_t> free_;
};

}  // namespace kvplan::gpu

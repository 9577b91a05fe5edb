// Block hashes to dense numbers, in order of first appearance.
//
// As long as each hash that is met for the first time is the next integer, as
// in Mooncake's traces, a hash is its own number and nothing is kept. From the
// first that is not, a table is.
//
// A trace has tens of millions of hashes, and this table is the largest thing
// alive while it is read; so it keeps 8 bytes a hash and 6 to 12 of slots, where
// a general map takes 50, in huge pages, as it is read at random. Slots hold number + 1, 0 for free; probing is linear,
// and at most 0.7 of the slots are used. A larger table is filled again from the
// hashes after the smaller one is gone.
//
// Ids that count up stand side by side, which the cache likes. Ids that collide
// (multiples of a power of two, or chosen in malice) show by a long probe: then
// the table is filled again with bits that are mixed first.
#pragma once

#include <cstdint>

#include "base/huge_pages.hpp"
#include "base/random.hpp"

namespace kvplan {

class BlockNumbers {
 public:
  std::uint32_t operator()(std::uint64_t hash) {
    if (hash < counted_) return static_cast<std::uint32_t>(hash);
    return hash == counted_ && counted_ == size() ? static_cast<std::uint32_t>(counted_++) : in_table(hash);
  }

  std::size_t size() const { return counted_ + hashes_.size(); }

 private:
  static constexpr std::size_t kTooFar = ~std::size_t{0};
  static constexpr std::size_t kLongProbe = 4096;

  std::uint32_t in_table(std::uint64_t hash) {
    if (hashes_.size() == room_) fill(slots_.empty() ? 1024 : 2 * slots_.size());
    std::size_t i = find(hash);
    if (i == kTooFar) {
      mixed_ = true;
      fill(slots_.size());
      i = find(hash);
    }
    if (slots_[i] == 0) {
      hashes_.push_back(hash);
      slots_[i] = static_cast<std::uint32_t>(hashes_.size());
    }
    return static_cast<std::uint32_t>(counted_) + slots_[i] - 1;
  }

  // The hash's slot, or the free one where it belongs.
  std::size_t find(std::uint64_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = static_cast<std::size_t>(mixed_ ? SplitMix64(hash)() : hash ^ (hash >> 32)) & mask;
    for (std::size_t steps = 0; slots_[i] != 0 && hashes_[slots_[i] - 1] != hash; i = (i + 1) & mask) {
      if (++steps > kLongProbe && !mixed_) return kTooFar;
    }
    return i;
  }

  void fill(std::size_t size) {
    BigVector<std::uint32_t>().swap(slots_);
    slots_.resize(size);
    room_ = 7 * size / 10;
    for (std::size_t n = 0; n < hashes_.size(); ++n) {
      const std::size_t i = find(hashes_[n]);
      if (i == kTooFar) {
        mixed_ = true;
        return fill(size);
      }
      slots_[i] = static_cast<std::uint32_t>(n + 1);
    }
  }

  std::size_t counted_ = 0;          // hashes below this are their own numbers
  BigVector<std::uint64_t> hashes_;  // of the others, by number less counted_
  BigVector<std::uint32_t> slots_;
  std::size_t room_ = 0;  // hashes that the slots take
  bool mixed_ = false;
};

}  // namespace kvplan

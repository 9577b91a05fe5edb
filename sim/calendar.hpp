// The next event of each of a fixed set of actors, as a binary tree of minima.
// Events order by (time, actor): an actor's number is its declared priority, so
// no two events tie. An actor with no event has Time::max(). Update and top take
// O(log actors), without allocation and without a branch on what the times are:
// which of two events is earlier cannot be foretold.
// The root is earliest_[1]; leaf i is earliest_[leaves_ + i].
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "base/units.hpp"

namespace kvplan {

class Calendar {
 public:
  explicit Calendar(std::uint32_t actors)
      : leaves_(std::bit_ceil(std::max(actors, 1u))), earliest_(2 * leaves_, Time::max().count) {}

  std::uint32_t top() const {
    std::uint32_t i = 1;
    while (i < leaves_) i = 2 * i + static_cast<std::uint32_t>(earliest_[2 * i] != earliest_[1]);
    return i - leaves_;
  }
  Time time(std::uint32_t actor) const { return Time(earliest_[leaves_ + actor]); }

  void set(std::uint32_t actor, Time t) {
    std::uint32_t i = leaves_ + actor;
    if (earliest_[i] == t.count) return;
    std::int64_t least = earliest_[i] = t.count;
    for (; i > 1; i /= 2) earliest_[i / 2] = least = std::min(least, earliest_[i ^ 1]);
  }

 private:
  std::uint32_t leaves_;
  std::vector<std::int64_t> earliest_;  // of the leaves below a node
};

}  // namespace kvplan

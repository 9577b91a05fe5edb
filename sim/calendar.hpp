// The next event of each of a fixed set of actors, as a tournament tree.
// Events order by (time, actor): an actor's number is its declared priority, so
// no two events tie. An actor with no event has Time::max(). Update and top are
// O(log actors) and O(1), without allocation. The root is winner_[1]; leaf i is winner_[leaves_ + i].
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
      : leaves_(std::bit_ceil(std::max(actors, 1u))), time_(leaves_, Time::max()), winner_(2 * leaves_) {
    for (std::uint32_t i = 0; i < leaves_; ++i) winner_[leaves_ + i] = i;
    for (std::uint32_t i = leaves_ - 1; i > 0; --i) winner_[i] = better(winner_[2 * i], winner_[2 * i + 1]);
  }

  std::uint32_t top() const { return winner_[1]; }
  Time time(std::uint32_t actor) const { return time_[actor]; }

  void set(std::uint32_t actor, Time t) {
    if (time_[actor] == t) return;
    time_[actor] = t;
    for (std::uint32_t i = (leaves_ + actor) / 2; i > 0; i /= 2) {
      const std::uint32_t winner = better(winner_[2 * i], winner_[2 * i + 1]);
      if (winner == winner_[i] && winner != actor) return;  // nothing that has changed is seen from above
      winner_[i] = winner;
    }
  }

 private:
  // Without a branch: which is earlier cannot be foretold.
  std::uint32_t better(std::uint32_t a, std::uint32_t b) const {
    return a ^ ((a ^ b) & -static_cast<std::uint32_t>(time_[b] < time_[a]));
  }

  std::uint32_t leaves_;
  std::vector<Time> time_;
  std::vector<std::uint32_t> winner_;
};

}  // namespace kvplan

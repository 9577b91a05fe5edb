// Deals items out in a shuffled order, each once before any comes again: a sample of any size has each item almost
// equally often, where independent draws would add their own noise.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.hpp"

namespace kvplan {

class Dealer {
 public:
  Dealer(std::size_t items, std::uint64_t seed, std::string_view stream) : stream_(seed, stream), order_(items) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    shuffle();
  }

  // How often all had been dealt before the last one was.
  std::uint32_t pass() const { return pass_; }
  bool all_dealt() const { return next_ == order_.size(); }

  std::size_t deal() {
    if (all_dealt()) {
      ++pass_;
      shuffle();
    }
    return order_[next_++];
  }

 private:
  void shuffle() {
    next_ = 0;
    for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[stream_.below(i)]);
  }

  RandomStream stream_;
  std::vector<std::size_t> order_;
  std::size_t next_ = 0;
  std::uint32_t pass_ = 0;
};

}  // namespace kvplan

// The same choices at every run: for tests of what random scenarios reach.
#pragma once

#include "base/random.hpp"
#include "tests/twin/random_scenario.hpp"

namespace kvplan::testing {

class SeededDice final : public Dice {
 public:
  explicit SeededDice(const char* name) : stream_(1, name) {}
  int pick(int low, int high) override {
    return low + static_cast<int>(stream_.below(static_cast<std::uint64_t>(high - low + 1)));
  }

 private:
  RandomStream stream_;
};

}  // namespace kvplan::testing

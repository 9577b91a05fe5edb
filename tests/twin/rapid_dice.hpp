#pragma once

#include <rapidcheck.h>

#include "tests/twin/random_scenario.hpp"

namespace kvplan::testing {

struct RapidDice final : Dice {
  int pick(int low, int high) override { return *rc::gen::inRange(low, high + 1); }
};

}  // namespace kvplan::testing

// Step times drawn from their interval.
#pragma once

#include "models/step_time.hpp"

namespace kvplan {

inline constexpr double kNormal90 = 1.6449;  // half a 90 % interval, in standard deviations

// Where in its interval each part of a step's time lies, in standard deviations: 0 at its central value, -+kNormal90
// at the ends. Host work goes with the part that it is within.
struct StepDraw {
  double base = 0, head = 0, context = 0, pair = 0;
  bool operator==(const StepDraw&) const = default;
};

// The logarithm of each figure as a normal variable with these ends, piece by piece: small batches, which are the host's
// work for the most part, may be known less well than large ones. What is zero stays. The three have the same pieces.
StepTime drawn(const StepTime& low, const StepTime& central, const StepTime& high, const StepDraw&);

}  // namespace kvplan

// What a prompt costs with the machine to itself.
#pragma once

#include <algorithm>

#include "models/step_time.hpp"

namespace kvplan {

// Computes the tokens [cached, tokens) of a prompt, chunk after chunk of at most `budget` tokens, in batches of its
// own.
inline Time prefill_alone(const StepTime& step, std::int64_t budget, std::int64_t cached, std::int64_t tokens) {
  std::int64_t ps = 0;
  while (cached < tokens) {
    const std::int64_t chunk = std::min(budget, tokens - cached);
    ps += step({chunk, cached + chunk == tokens ? 1 : 0, 0, chunk * cached + chunk * (chunk + 1) / 2});
    cached += chunk;
  }
  return Time(ps);
}

}  // namespace kvplan

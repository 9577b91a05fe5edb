// What a step of the twin takes: the sum of what its tokens, samples, context and pairs of tokens cost.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/step_time.hpp"

namespace kvplan::twin {

inline std::int64_t piece_at(const PiecewiseLinear& f, std::int64_t x) {
  std::int64_t y = 0;
  for (const PiecewiseLinear::Piece& p : f.pieces()) {
    if (p.from <= x) y = p.start_ps + p.slope_ps * (x - p.from);
  }
  return y;
}

inline std::int64_t step_ps(const StepTime& time, std::int64_t tokens, std::int64_t samples, std::int64_t context,
                            std::int64_t pairs) {
  return piece_at(time.base, tokens) + piece_at(time.head, samples) + time.context_ps * context + time.pair_ps * pairs;
}

// Of queries [from, to) of a prompt, key by key: as many as see it, or as reading it takes.
inline std::int64_t pairs_of(const StepTime& time, std::int64_t from, std::int64_t to) {
  std::int64_t pairs = 0;
  for (std::int64_t key = 0; key < to; ++key) pairs += std::max(time.key_queries, to - std::max(key, from));
  return pairs;
}

}  // namespace kvplan::twin

// Step times that are read back from a file: integers, within what a run can have. Beyond, a sum would be undefined.
#pragma once

#include "base/json_integers.hpp"
#include "models/step_time.hpp"

namespace kvplan {

inline constexpr std::int64_t kMostStepPs = std::int64_t{1} << 60;  // and of a token, a millionth: no budget is larger
inline constexpr std::int64_t kMostCount = std::int64_t{1} << 32;   // of tokens, steps, blocks

// [[from, start_ps, slope_ps], ...]
template <class AnyJson>
PiecewiseLinear pieces_from(const AnyJson& all) {
  std::vector<PiecewiseLinear::Piece> out;
  for (const auto& p : all) {
    const std::int64_t before = out.empty() ? 0 : out.back().from;
    out.push_back(
        {integer_within(p.at(0), before, out.empty() ? 0 : kMostCount, "the beginning of a piece of a step's time"),
         integer_within(p.at(1), 0, kMostStepPs, "a step's time"),
         integer_within(p.at(2), 0, kMostStepPs >> 20, "a step's time for a token")});
  }
  if (out.empty()) throw std::runtime_error("a step's time has no pieces");
  return PiecewiseLinear(std::move(out));
}

// `base` and `head`: the names that the pieces have in this kind of file.
template <class AnyJson>
StepTime step_time_from(const AnyJson& j, const char* base, const char* head) {
  StepTime t;
  t.base = pieces_from(j.at(base));
  t.head = pieces_from(j.at(head));
  t.context_ps = integer_within(j.at("context_ps"), 0, kMostStepPs, "context_ps");
  t.pair_ps = integer_within(j.at("pair_ps"), 0, kMostStepPs, "pair_ps");
  // What was recorded without was priced without.
  t.key_queries = integer_within(j.value("key_queries", AnyJson(0)), 0, kMostCount, "key_queries");
  t.layers = static_cast<std::int32_t>(integer_within(j.at("layers"), 1, 1 << 20, "layers"));
  return t;
}

}  // namespace kvplan

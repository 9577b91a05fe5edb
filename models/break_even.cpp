#include "models/break_even.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace kvplan {

Time prefill_time(const StepTime& step, Tokens tokens, Tokens cached, Tokens max_batched_tokens) {
  const std::int64_t most = max_batched_tokens.count;
  KVPLAN_ASSERT(tokens.count > 0 && most > 0);
  // In long double, which is exact for what a Time holds, and defined for what none does.
  const auto steps = [&](std::int64_t count, std::int64_t chunk, std::int64_t from, std::int64_t samples) {
    const auto n = static_cast<long double>(count);
    const auto each = static_cast<long double>(step.base(chunk) + step.head(samples));
    const auto pairs = n * static_cast<long double>(step.pairs(chunk, from)) +
                       n * (n - 1) / 2 * static_cast<long double>(step.pairs_growth(chunk));
    return n * each + static_cast<long double>(step.pair_ps) * pairs;
  };
  const std::int64_t full = (tokens.count - 1) / most, rest = tokens.count - full * most;
  const long double ps = steps(full, most, cached.count, 0) + steps(1, rest, cached.count + full * most, 1);
  return ps < 0x1p63L ? Time(static_cast<std::int64_t>(ps)) : Time::max();
}

Time recompute_time(const StepTime& step, Tokens prefix, const PromptShape& shape) {
  return prefill_time(step, prefix + shape.new_tokens, Tokens(0), shape.max_batched_tokens) -
         prefill_time(step, shape.new_tokens, prefix, shape.max_batched_tokens);
}

BreakEven break_even(const StepTime& step, const LoadTime& load, const PromptShape& shape, Tokens longest) {
  const auto pays = [&](std::int64_t n) { return load(Tokens(n)) < recompute_time(step, Tokens(n), shape); };
  if (!pays(longest.count)) return {BreakEven::Kind::never, Tokens(0)};
  if (pays(1)) return {BreakEven::Kind::always, Tokens(1)};
  std::int64_t loses = 1, wins = longest.count;
  while (wins - loses > 1) {
    const std::int64_t middle = loses + (wins - loses) / 2;
    (pays(middle) ? wins : loses) = middle;
  }
  return {BreakEven::Kind::above, Tokens(wins)};
}

}  // namespace kvplan

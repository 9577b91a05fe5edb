#include "models/break_even.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace kvplan {

Time prefill_time(const StepTime& step, Tokens tokens, Tokens cached, Tokens max_batched_tokens) {
  KVPLAN_ASSERT(tokens.count > 0 && max_batched_tokens.count > 0);
  Time total;
  for (std::int64_t done = 0; done < tokens.count;) {
    const std::int64_t chunk = std::min(max_batched_tokens.count, tokens.count - done);
    BatchFeatures b;
    b.new_tokens = chunk;
    b.prefill_pairs = step.pairs(chunk, cached.count + done);
    done += chunk;
    b.samples = done == tokens.count ? 1 : 0;
    total += Time(step(b));
  }
  return total;
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

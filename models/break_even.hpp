// Above how many cached tokens loading their KV from a lower tier beats computing them again.
#pragma once

#include <cstdint>
#include <functional>

#include "base/units.hpp"
#include "models/step_time.hpp"

namespace kvplan {

struct PromptShape {
  Tokens new_tokens{128};           // beyond the cached prefix; computed in either case
  Tokens max_batched_tokens{8192};  // chunk of a prefill
};

// One prompt alone on the replica, to its first token: `cached` tokens are there, `tokens` are computed in chunks.
// Time::max() where no Time holds it.
Time prefill_time(const StepTime&, Tokens tokens, Tokens cached, Tokens max_batched_tokens);

// What having the prefix saves: prefill of prefix and new tokens, less that of the new tokens on top of it.
Time recompute_time(const StepTime&, Tokens prefix, const PromptShape&);

struct BreakEven {
  enum class Kind { always, above, never };
  Kind kind = Kind::never;
  Tokens tokens{0};  // of `above`: the shortest prefix whose load pays
};

// How long a load of so many tokens takes.
using LoadTime = std::function<Time(Tokens)>;

// Searches prefixes of 1 to `longest` tokens by bisection: chunks make the saving step, so that near a chunk's
// edge loading may pay a little earlier than the length told.
BreakEven break_even(const StepTime&, const LoadTime&, const PromptShape&, Tokens longest);

}  // namespace kvplan

#include "sim/speculation.hpp"

#include <cmath>

#include "base/error.hpp"

namespace kvplan {

Speculation expected_speculation(std::int32_t draft_tokens, double acceptance) {
  KVPLAN_ASSERT(draft_tokens > 0 && acceptance >= 0 && acceptance <= 1);
  double expected = 0, all_accepted = 1;
  for (std::int32_t i = 0; i <= draft_tokens; ++i, all_accepted *= acceptance) expected += all_accepted;
  constexpr std::int64_t kParts = 64;
  return {draft_tokens, kParts, std::llround(expected * kParts)};
}

void speculate(SimulationConfig& config, std::int32_t draft_tokens, double acceptance, double draft_cost) {
  Speculation& s = config.engine.speculation = expected_speculation(draft_tokens, acceptance);
  for (std::size_t i = 0; i < config.step_times.size(); ++i) {
    StepTime& step = config.step_times[i];
    StepTime& draft = config.draft_times[i] = step.scaled(draft_cost * draft_tokens);
    // Steps count a sample for each row: a sequence has 1 + k of them, and what it takes only once.
    const std::int64_t rows = 1 + draft_tokens;
    step.head = step.head.steeper(step.sequence_ps / rows - step.sequence_ps);
    step.host_sample_ps /= rows;
    for (StepTime* t : {&step, &draft}) {
      t->context_ps = std::llround(static_cast<double>(t->context_ps) / static_cast<double>(s.token_parts));
    }
  }
}

}  // namespace kvplan

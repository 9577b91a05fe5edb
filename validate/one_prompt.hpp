// Time to first token of one prompt alone on one replica, by simulation: cold,
// and with its prefix back in host memory, which is how single-request studies
// of KV offload are done.
#pragma once

#include "sim/config.hpp"

namespace kvplan {

struct PromptTimes {
  Time recomputed{0};  // nothing cached
  Time loaded{0};      // the history comes from G2, the rest is computed
};

// The prompt is `history` tokens, cached in G2 in whole pages, and `new_tokens`
// on top (0: the same prompt again). `config` needs offload enabled; its G1 and
// G2 sizes are set so that the history is evicted from one and kept by the other.
PromptTimes time_one_prompt(SimulationConfig config, std::int32_t history, std::int32_t new_tokens);

}  // namespace kvplan

// Speculative decoding: a draft proposes k tokens for each decoding sequence, one
// after the other, and one step of the model verifies them together. With each
// proposal accepted with probability a, as if independently, the step yields
// 1 + a + ... + a^k tokens in expectation (Leviathan, Kalman, Matias: Fast
// inference from transformers via speculative decoding, 2023, equation 1).
//
// Deterministic: every step yields exactly that number, in 64ths of a token, to
// which it is rounded. So it shows the mean pace of decoding, not how it varies.
// Slots of rejected proposals are used again; they take no page of their own.
#pragma once

#include "sim/config.hpp"

namespace kvplan {

// acceptance in 0..1, draft_tokens > 0.
Speculation expected_speculation(std::int32_t draft_tokens, double acceptance);

// Turns speculation on. `draft_cost`: what a pass of the draft takes, as a share of a pass of the model over the
// same decodes. The draft's own pass over prompts is not counted.
void speculate(SimulationConfig& config, std::int32_t draft_tokens, double acceptance, double draft_cost);

}  // namespace kvplan

#include "validate/one_prompt.hpp"

#include "base/error.hpp"
#include "sim/simulation.hpp"

namespace kvplan {
namespace {

void add_prompt(Workload& w, BlockId first_block, std::int32_t tokens, std::int32_t shared_blocks, Time at) {
  Turn t;
  t.arrival.time = at;
  t.session = static_cast<std::uint32_t>(w.turns.size());
  t.prompt_tokens = tokens;
  t.output_tokens = 1;
  t.first_block = static_cast<std::uint32_t>(w.prompt_blocks.size());
  BlockId parent = kNone;
  for (std::int32_t i = 0; i * w.block_tokens < tokens; ++i) {
    const BlockId block = i < shared_blocks ? first_block + i : static_cast<BlockId>(w.tokens_of_block.size());
    if (block == w.tokens_of_block.size()) {
      w.parent_of_block.push_back(parent);
      w.tokens_of_block.push_back(std::min(w.block_tokens, tokens - i * w.block_tokens));
    }
    w.prompt_blocks.push_back(parent = block);
  }
  t.block_count = static_cast<std::uint32_t>(w.prompt_blocks.size()) - t.first_block;
  w.turns.push_back(t);
}

}  // namespace

PromptTimes time_one_prompt(SimulationConfig config, std::int32_t history, std::int32_t new_tokens) {
  KVPLAN_ASSERT(config.offload.enabled);
  Workload w;
  w.block_tokens = config.engine.page_tokens;
  const std::int32_t tokens = history + new_tokens;
  const Time pause(3600 * kPsPerS);
  add_prompt(w, 0, history, 0, Time(0));                             // fills G1, and G2 behind it
  add_prompt(w, 0, tokens, 0, pause);                                // other content: evicts it from G1; is itself cold
  add_prompt(w, 0, tokens, history / w.block_tokens, pause + pause); // the history comes back
  w.session_count = 3;
  config.engine.g1_pages = Pages(ceil_div(tokens + 1, config.engine.page_tokens));
  config.offload.capacity = config.kv_bytes_per_token * (4 * std::int64_t{tokens});
  const SimulationResult result = simulate(w, config);
  const auto ttft = [&](TurnId t) { return result.requests[t].first_token - result.requests[t].arrival; };
  return {ttft(1), ttft(2)};
}

}  // namespace kvplan

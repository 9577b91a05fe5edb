// Small hand-made loads and machines for the simulator's tests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "sim/simulation.hpp"

namespace kvplan::testing {

// Prompts as strings of labels: "abc" has three blocks, and shares "ab" with
// "abd". `tail` tokens follow the full blocks (a partial block of its own). What
// continues a turn is of its session.
class Load {
 public:
  explicit Load(std::int32_t block_tokens) { w_.block_tokens = block_tokens; w_.name = "test"; }

  TurnId turn(Time at, const std::string& labels, std::int32_t tail, std::int32_t output, TurnId continues = kNone,
              TurnId after = kNone) {
    KVPLAN_ASSERT(tail < w_.block_tokens);
    Turn t;
    t.arrival = {at, after};
    t.continues = continues;
    t.session = continues == kNone ? w_.session_count++ : w_.turns[continues].session;
    t.prompt_tokens = static_cast<std::int32_t>(labels.size()) * w_.block_tokens + tail;
    t.output_tokens = output;
    t.first_block = static_cast<std::uint32_t>(w_.prompt_blocks.size());
    BlockId parent = kNone;
    for (std::size_t i = 1; i <= labels.size(); ++i) {
      parent = block(labels.substr(0, i), parent, w_.block_tokens);
      w_.prompt_blocks.push_back(parent);
    }
    if (tail > 0) {
      const std::string name = labels + "/" + std::to_string(w_.turns.size());
      w_.prompt_blocks.push_back(block(name, parent, tail));
    }
    t.block_count = static_cast<std::uint32_t>(w_.prompt_blocks.size()) - t.first_block;
    w_.turns.push_back(t);
    return static_cast<TurnId>(w_.turns.size() - 1);
  }

  // Fills in the output blocks from the first turn that continues each.
  Workload build() {
    std::vector<TurnId> child(w_.turns.size(), kNone);
    for (TurnId t = 0; t < w_.turns.size(); ++t) {
      const TurnId p = w_.turns[t].continues;
      if (p != kNone && child[p] == kNone) child[p] = t;
    }
    for (TurnId t = 0; t < w_.turns.size(); ++t) {
      Turn& turn = w_.turns[t];
      turn.first_output_block = static_cast<std::uint32_t>(w_.output_blocks.size());
      if (child[t] == kNone) continue;
      const Turn& next = w_.turns[child[t]];
      const std::int32_t b = w_.block_tokens;
      const std::int32_t full = turn.prompt_tokens / b;
      const std::int32_t until = std::min((turn.prompt_tokens + turn.output_tokens - 1) / b, next.prompt_tokens / b);
      for (std::int32_t i = 0; i < full && i < next.prompt_tokens / b; ++i) {
        KVPLAN_ASSERT(w_.prompt_blocks[turn.first_block + i] == w_.prompt_blocks[next.first_block + i]);
      }
      for (std::int32_t i = full; i < until; ++i) w_.output_blocks.push_back(w_.prompt_blocks[next.first_block + i]);
      turn.output_block_count = static_cast<std::uint32_t>(w_.output_blocks.size()) - turn.first_output_block;
    }
    return std::move(w_);
  }

 private:
  BlockId block(const std::string& name, BlockId parent, std::int32_t tokens) {
    const auto [it, fresh] = ids_.emplace(name, w_.block_count());
    if (fresh) {
      w_.parent_of_block.push_back(parent);
      w_.tokens_of_block.push_back(tokens);
    }
    return it->second;
  }

  Workload w_;
  std::map<std::string, BlockId> ids_;
};

inline StepTime flat_step(std::int64_t base_ps, std::int64_t token_ps, std::int64_t context_ps, std::int64_t pair_ps) {
  StepTime s;
  s.base = PiecewiseLinear({{0, base_ps, token_ps}});
  s.context_ps = context_ps;
  s.pair_ps = pair_ps;
  s.layers = 4;
  s.provenance = "test";
  return s;
}

// One GPU, one link of `bytes_per_s` each way; a token's KV is 1,000 bytes.
inline SimulationConfig small_machine(std::int64_t pages, std::int64_t bytes_per_s = 0, std::int64_t g2_tokens = 0) {
  SimulationConfig c;
  c.engine.page_tokens = 4;
  c.engine.g1_pages = Pages(pages);
  c.engine.max_num_batched_tokens = 64;
  c.engine.max_num_seqs = 8;
  for (StepTime& s : c.step_times) s = flat_step(kPsPerMs, 10 * kPsPerUs, kPsPerNs, 100);
  c.kv_bytes_per_token = c.kv_bytes_per_token_per_gpu = Bytes(1000);
  if (bytes_per_s > 0) {
    c.offload.enabled = true;
    c.offload.capacity = Bytes(g2_tokens * 1000);
    c.offload.segment = Bytes(4000);
    c.offload.chunk_tokens = 1;
    c.links.limits = {{"to device", bytes_per_s}, {"from device", bytes_per_s}};
    c.links.load = {{{{0, 1}}, 0}};
    c.links.store = {{{{1, 1}}, 0}};
  }
  c.check = true;
  return c;
}

inline Time ms(double x) { return time_from_seconds(x / 1e3); }

}  // namespace kvplan::testing

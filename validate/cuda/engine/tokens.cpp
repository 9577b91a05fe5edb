#include "validate/cuda/engine/tokens.hpp"

#include <stdexcept>

#include "base/random.hpp"

namespace kvplan::gpu {

Tokens::Tokens(const Workload& load, std::int32_t vocabulary) : load_(load), vocabulary_(vocabulary) {
  for (std::uint32_t b = 0; b < load.block_count(); ++b) stands_for_.push_back(b);
  std::vector<std::uint8_t> fixed(load.block_count(), 0);
  for (const Turn& t : load.turns) {
    if (t.prompt_tokens % load.block_tokens == 0 || t.block_count == 0) continue;
    const BlockId tail = load.blocks(t).back();
    const BlockId grown = t.output_block_count > 0 ? load.outputs(t).front() : tail;
    if (fixed[tail] && stands_for_[tail] != grown) {
      throw std::runtime_error("two turns share block " + std::to_string(tail) + " and go on differently from it");
    }
    fixed[tail] = 1;
    stands_for_[tail] = grown;
  }
}

std::int32_t Tokens::at(TurnId turn_id, std::int64_t position) const {
  const Turn& turn = load_.turns[turn_id];
  const std::int64_t block = position / load_.block_tokens, full = turn.prompt_tokens / load_.block_tokens;
  const auto i = static_cast<std::size_t>(block);
  std::uint64_t seed = (std::uint64_t{1} << 63) | turn_id;  // of an answer that no prompt shows
  if (position < turn.prompt_tokens) {
    seed = stands_for_[load_.blocks(turn)[i]];
  } else if (block - full < turn.output_block_count) {
    seed = load_.outputs(turn)[static_cast<std::size_t>(block - full)];
  }
  SplitMix64 mix(seed * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>(position));
  return static_cast<std::int32_t>(mix() % static_cast<std::uint64_t>(vocabulary_));
}

}  // namespace kvplan::gpu

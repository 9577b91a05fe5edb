// Transformations that change what prompts share: a common prefix, another block size.
#include <fmt/format.h>

#include <algorithm>

#include "base/memory_need.hpp"
#include "traces/transform.hpp"
#include "traces/workload_builder.hpp"

namespace kvplan {
namespace {

// Tokens of prompts that an earlier prompt has had.
std::int64_t repeated_tokens(const Workload& w) {
  std::int64_t repeated = 0;
  BlockId fresh = 0;
  for (const BlockId block : w.prompt_blocks) {
    if (block == fresh) {
      ++fresh;
    } else {
      repeated += w.tokens_of_block[block];
    }
  }
  return repeated;
}

}  // namespace

Workload share_prefix(const Workload& w, std::int64_t tokens) {
  constexpr std::uint64_t kShared = std::uint64_t{1} << 32;  // above every block id
  const auto blocks = static_cast<std::size_t>(tokens / w.block_tokens);
  WorkloadBuilder builder(w, w.block_tokens);
  std::int64_t replaced = 0;
  for (const Turn& turn : w.turns) {
    builder.begin_turn(turn);
    std::size_t position = 0;
    for (const BlockId block : w.blocks(turn)) {
      const bool shared = position < blocks && w.tokens_of_block[block] == w.block_tokens;
      builder.add_block(shared ? kShared + position : block, w.tokens_of_block[block]);
      replaced += shared && position == 0;
      ++position;
    }
  }
  builder.note(fmt::format("prompts whose first {} tokens, at most, were made the same for all sessions",
                           static_cast<std::int64_t>(blocks) * w.block_tokens),
               replaced);
  return builder.finish();
}

// Block j of the result is known by the source's block that holds its last token,
// and by j: the source's block names the whole prefix up to its own end, so whoever
// shares it shares all tokens of block j.
Workload convert_blocks(const Workload& w, std::int32_t block_tokens) {
  double blocks_made = 0;
  for (const Turn& turn : w.turns) blocks_made += static_cast<double>(turn.prompt_tokens / block_tokens);
  require_memory(blocks_made * 2 * sizeof(BlockId), fmt::format("prompts in blocks of {} tokens", block_tokens),
                 "take a larger trace.to_block_tokens, or fewer turns");
  WorkloadBuilder builder(w, block_tokens);
  for (const Turn& turn : w.turns) {
    builder.begin_turn(turn);
    const auto blocks = w.blocks(turn);
    for (std::int64_t from = 0, j = 0; from < turn.prompt_tokens; from += block_tokens, ++j) {
      const std::int64_t to = std::min<std::int64_t>(from + block_tokens, turn.prompt_tokens);
      const BlockId last = blocks[static_cast<std::size_t>((to - 1) / w.block_tokens)];
      builder.add_block((static_cast<std::uint64_t>(j) << 32) | last, static_cast<std::int32_t>(to - from));
    }
  }
  Workload result = builder.finish();
  const std::int64_t before = repeated_tokens(w), after = repeated_tokens(result);
  result.notes.push_back(
      {fmt::format("blocks of {} tokens made from blocks of {}: of {} repeated prompt tokens, {} are "
                   "told apart no more and count as not shared; turns",
                   block_tokens, w.block_tokens, before, before - after),
       static_cast<std::int64_t>(w.turns.size())});
  return result;
}

}  // namespace kvplan

#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <vector>

#include "traces/workload.hpp"

namespace kvplan::test {

// Small, so that blocks collide often and caches overflow. Without sessions and arrivals: for hit rates alone.
// A random forest of blocks; each turn's prompt is the path to a random block.
inline Workload random_workload() {
  Workload w;
  w.block_tokens = 16;
  const int blocks = *rc::gen::inRange(1, 30);
  for (int b = 0; b < blocks; ++b) {
    const int parent = *rc::gen::inRange(-1, b);
    w.parent_of_block.push_back(parent < 0 ? kNone : static_cast<BlockId>(parent));
    w.tokens_of_block.push_back(*rc::gen::inRange(1, 17));
  }
  const int turns = *rc::gen::inRange(0, 40);
  for (int t = 0; t < turns; ++t) {
    Turn turn;
    turn.first_block = static_cast<std::uint32_t>(w.prompt_blocks.size());
    std::vector<BlockId> path;
    for (auto b = static_cast<BlockId>(*rc::gen::inRange(0, blocks)); b != kNone; b = w.parent_of_block[b])
      path.push_back(b);
    for (const BlockId b : path) turn.prompt_tokens += w.tokens_of_block[b];
    w.prompt_blocks.insert(w.prompt_blocks.end(), path.rbegin(), path.rend());
    turn.block_count = static_cast<std::uint32_t>(path.size());
    w.turns.push_back(turn);
  }
  return w;
}

}  // namespace kvplan::test

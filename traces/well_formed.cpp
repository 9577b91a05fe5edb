#include "traces/well_formed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace kvplan {
namespace {

void require(bool holds, const char* kind, std::size_t number, const char* what) {
  if (!holds) throw std::runtime_error(fmt::format("{} {} {}", kind, number, what));
}

void check_blocks(const Workload& w) {
  if (w.block_tokens < 1) throw std::runtime_error("blocks hold no tokens");
  if (w.parent_of_block.size() != w.tokens_of_block.size())
    throw std::runtime_error("not every block has a parent and tokens");
  for (std::size_t b = 0; b < w.tokens_of_block.size(); ++b) {
    const BlockId parent = w.parent_of_block[b];
    const auto check = [&](bool holds, const char* what) { require(holds, "block", b, what); };
    check(w.tokens_of_block[b] >= 1 && w.tokens_of_block[b] <= w.block_tokens, "has more tokens than a block, or none");
    check(parent == kNone || parent < b, "comes before its parent");
    check(parent == kNone || w.tokens_of_block[parent] == w.block_tokens, "follows a block that is not full");
  }
}

void check_turn(const Workload& w, TurnId t) {
  const Turn& turn = w.turns[t];
  const Arrival& a = turn.arrival;
  const auto check = [&](bool holds, const char* what) { require(holds, "turn", t, what); };
  check(turn.prompt_tokens >= 0 && turn.output_tokens >= 0, "has fewer than no tokens");
  check(a.time >= Time(0) && a.not_before >= Time(0), "arrives before the beginning");
  for (const TurnId other : {a.after, a.join, turn.continues})
    check(other == kNone || other < t, "follows a later turn");
  check(a.join == kNone || (a.after != kNone && a.join != a.after), "awaits a side branch and nothing else");
  check(turn.session < w.session_count, "is of no session");
  check(turn.continues == kNone || w.turns[turn.continues].session == turn.session, "continues another session");

  const auto chain = [&](std::span<const BlockId> blocks, BlockId parent) {
    std::int64_t tokens = 0;
    for (const BlockId b : blocks) {
      check(b < w.block_count() && w.parent_of_block[b] == parent, "has blocks that are no chain");
      tokens += w.tokens_of_block[b];
      parent = b;
    }
    return tokens;
  };
  check(chain(w.blocks(turn), kNone) == turn.prompt_tokens, "has a prompt of other tokens than its blocks");
  const std::int64_t full = turn.prompt_tokens / w.block_tokens;
  const auto answers = static_cast<std::int64_t>(turn.output_block_count);
  const std::int64_t written = std::int64_t{turn.prompt_tokens} + std::max(0, turn.output_tokens - 1);  // KV
  check(full + answers <= written / w.block_tokens, "leaves more blocks than it writes");
  check(chain(w.outputs(turn), full == 0 ? kNone : w.blocks(turn)[static_cast<std::size_t>(full - 1)]) ==
            answers * w.block_tokens,
        "leaves a block that is not full");
}

}  // namespace

void require_well_formed(const Workload& w) {
  check_blocks(w);
  for (TurnId t = 0; t < w.turns.size(); ++t) check_turn(w, t);
}

}  // namespace kvplan

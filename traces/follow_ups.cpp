#include "traces/follow_ups.hpp"

#include <algorithm>

namespace kvplan {
namespace {

// Where in the first follow-up's prompt the answer stands: positions [from, to).
struct Left {
  TurnId child = kNone;
  std::int64_t from = 0, to = 0;
};

std::vector<Left> left_by_answers(const Workload& workload) {
  std::vector<Left> left(workload.turns.size());
  for (TurnId c = 0; c < workload.turns.size(); ++c) {
    const Turn& child = workload.turns[c];
    if (child.continues == kNone || left[child.continues].child != kNone) continue;
    const Turn& parent = workload.turns[child.continues];
    const std::int64_t from = parent.prompt_tokens / workload.block_tokens;
    const std::int64_t full = child.prompt_tokens / workload.block_tokens;
    if (from > full) continue;
    if (from > 0 && workload.blocks(child)[static_cast<std::size_t>(from - 1)] !=
                        workload.blocks(parent)[static_cast<std::size_t>(from - 1)]) {
      continue;
    }
    // The last token of an answer is sampled and never computed: a block that ends with it has not its whole KV.
    const std::int64_t computed = std::int64_t{parent.prompt_tokens} + std::max(0, parent.output_tokens - 1);
    const std::int64_t covered = computed / workload.block_tokens;
    left[child.continues] = {c, from, std::min(covered, full)};
  }
  return left;
}

}  // namespace

void attach_outputs(Workload& workload) {
  const std::vector<Left> left = left_by_answers(workload);
  for (TurnId t = 0; t < workload.turns.size(); ++t) {
    Turn& turn = workload.turns[t];
    turn.first_output_block = static_cast<std::uint32_t>(workload.output_blocks.size());
    if (left[t].child == kNone) continue;
    const Turn& child = workload.turns[left[t].child];
    turn.output_block_count = static_cast<std::uint32_t>(left[t].to - left[t].from);
    const auto first = workload.prompt_blocks.begin() + child.first_block;
    workload.output_blocks.insert(workload.output_blocks.end(), first + left[t].from, first + left[t].to);
  }
}

void number_sessions(Workload& workload) {
  for (Turn& turn : workload.turns) {
    turn.session = turn.continues == kNone ? workload.session_count++ : workload.turns[turn.continues].session;
  }
}

}  // namespace kvplan

#include "traces/stack_distance.hpp"

#include <algorithm>
#include <numeric>

#include "base/error.hpp"

namespace kvplan {
namespace {

// Which touches are the last of their block, over the time axis of all touches
// (a Fenwick tree): the depth of a block is the number of last touches from its own on.
class Recency {
 public:
  Recency(std::size_t blocks, std::size_t touches) : tree_(touches + 1), last_touch_(blocks) {}

  bool seen(BlockId block) const { return last_touch_[block] != 0; }
  std::int64_t depth(BlockId block) const { return live_ - before(last_touch_[block]); }

  void touch(BlockId block) {
    if (seen(block)) {
      add(last_touch_[block], -1);
    } else {
      ++live_;
    }
    last_touch_[block] = ++now_;
    add(now_, 1);
  }

 private:
  // Last touches strictly before the given one.
  std::int64_t before(std::size_t touch) const {
    std::int64_t sum = 0;
    for (std::size_t i = touch - 1; i > 0; i &= i - 1) sum += tree_[i];
    return sum;
  }

  void add(std::size_t touch, std::int32_t n) {
    for (std::size_t i = touch; i < tree_.size(); i += i & (~i + 1)) tree_[i] += n;
  }

  std::vector<std::int32_t> tree_;
  std::vector<std::size_t> last_touch_;  // from 1; 0: never
  std::size_t now_ = 0;
  std::int64_t live_ = 0;
};

double rate(const std::vector<std::int64_t>& hits, std::int64_t capacity_blocks, std::int64_t of) {
  KVPLAN_ASSERT(capacity_blocks >= 0);
  const auto last = static_cast<std::int64_t>(hits.size()) - 1;
  return of == 0 ? 0
                 : static_cast<double>(hits[static_cast<std::size_t>(std::min(capacity_blocks, last))]) /
                       static_cast<double>(of);
}

}  // namespace

double HitCurve::token_hit_rate(std::int64_t capacity_blocks) const {
  return rate(hit_tokens, capacity_blocks, prompt_tokens);
}

double HitCurve::block_hit_rate(std::int64_t capacity_blocks) const {
  return rate(hit_blocks, capacity_blocks, prompt_blocks);
}

std::vector<std::int64_t> stack_depths(const Workload& workload, const std::vector<bool>& counted) {
  std::vector<std::int64_t> depths(workload.block_count() + std::size_t{1}, 0);
  Recency recency(workload.block_count(), workload.prompt_blocks.size());
  for (const BlockId block : workload.prompt_blocks) {
    if (counted[block] && recency.seen(block)) ++depths[static_cast<std::size_t>(recency.depth(block))];
    recency.touch(block);
  }
  return depths;
}

HitCurve lru_hit_curve(const Workload& workload, TouchOrder order) {
  HitCurve curve;
  curve.hit_tokens.assign(workload.block_count() + std::size_t{1}, 0);
  curve.hit_blocks.assign(workload.block_count() + std::size_t{1}, 0);
  Recency recency(workload.block_count(), workload.prompt_blocks.size());
  for (const Turn& turn : workload.turns) {
    const auto blocks = workload.blocks(turn);
    curve.prompt_tokens += turn.prompt_tokens;
    curve.prompt_blocks += turn.block_count;
    std::int64_t deepest = 0;
    for (const BlockId block : blocks) {
      if (!recency.seen(block)) break;
      deepest = std::max(deepest, recency.depth(block));
      curve.hit_tokens[static_cast<std::size_t>(deepest)] += workload.tokens_of_block[block];
      curve.hit_blocks[static_cast<std::size_t>(deepest)] += 1;
    }
    if (order == TouchOrder::head_to_tail) {
      std::for_each(blocks.begin(), blocks.end(), [&](BlockId b) { recency.touch(b); });
    } else {
      std::for_each(blocks.rbegin(), blocks.rend(), [&](BlockId b) { recency.touch(b); });
    }
  }
  std::partial_sum(curve.hit_tokens.begin(), curve.hit_tokens.end(), curve.hit_tokens.begin());
  std::partial_sum(curve.hit_blocks.begin(), curve.hit_blocks.end(), curve.hit_blocks.begin());
  return curve;
}

}  // namespace kvplan

// Exact LRU hit rates of a trace for all capacities in one pass (Mattson et al.,
// 1970: LRU of capacity c holds the c blocks last touched, for every c at once).
//
// Semantics: one pool; turns in order of arrival, each instantaneous. A prompt
// first looks up its longest resident prefix, then touches all its blocks,
// inserting those that miss. Answers are not inserted.
//
// A block's depth is the number of blocks touched since it was, itself included:
// it is resident in capacities of at least its depth. A prefix is resident where
// its deepest block is, so block i of a prompt is a hit for capacities from the
// running maximum of the depths of blocks 0..i, all taken before any is touched.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "traces/workload.hpp"

namespace kvplan {

enum class TouchOrder {
  head_to_tail,  // the tail of a chain is the most recent: its head is evicted first
  tail_to_head,  // the head is the most recent, as in serving engines
};

struct HitCurve {
  std::int64_t prompt_tokens = 0;
  std::int64_t prompt_blocks = 0;
  // Entry c: hits with a capacity of c blocks; the last holds for any larger one.
  std::vector<std::int64_t> hit_tokens;
  std::vector<std::int64_t> hit_blocks;

  double token_hit_rate(std::int64_t capacity_blocks) const;
  double block_hit_rate(std::int64_t capacity_blocks) const;
};

// How many blocks were touched since a block was, itself included, for each touch
// of a counted block that had been touched before: entry d counts those of depth d.
std::vector<std::int64_t> stack_depths(const Workload& workload, const std::vector<bool>& counted);

HitCurve lru_hit_curve(const Workload& workload, TouchOrder order = TouchOrder::head_to_tail);

}  // namespace kvplan

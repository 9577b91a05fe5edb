// Sessions taken apart into dialogues: turns that continue one another. Of the
// follow-ups of a turn, the one that keeps most of its prompt goes on with its
// dialogue; another one belongs to it too, unless it keeps less than half of its
// own prompt from there: it then begins a dialogue, as sub-agents do.
#pragma once

#include <cstdint>
#include <vector>

#include "traces/workload.hpp"

namespace kvplan {

// Leading blocks that two prompts have in common.
std::int64_t shared_blocks(const Workload&, const Turn&, const Turn&);

struct Dialogues {
  std::uint32_t count = 0;
  std::vector<std::uint32_t> of_turn;  // numbered in order of their first turns
  std::vector<bool> begins;            // per turn: whether it is its dialogue's first
};

Dialogues dialogues_of(const Workload&);

}  // namespace kvplan

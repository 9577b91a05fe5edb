#include "traces/rearrange.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/error.hpp"
#include "traces/workload_builder.hpp"

namespace kvplan {
namespace {

// Whether several sessions use a block.
std::vector<bool> shared_blocks(const Workload& workload) {
  std::vector<std::uint32_t> user(workload.block_count(), kNone);
  std::vector<bool> shared(workload.block_count(), false);
  for (const Turn& turn : workload.turns) {
    for (const BlockId block : workload.blocks(turn)) {
      if (user[block] == kNone) user[block] = turn.session;
      if (user[block] != turn.session) shared[block] = true;
    }
  }
  return shared;
}

// A number for each of `each` things of every copy: an array where most of it is used, as when whole copies
// are taken, else a map.
class OfCopies {
 public:
  OfCopies(std::size_t copies, std::size_t each, std::size_t used) : each_(each) {
    constexpr std::size_t kRoom = 4;
    if (copies * each <= kRoom * used) array_.assign(copies * each, kNone);
  }

  std::uint32_t& of(std::uint32_t copy, std::uint32_t id) {
    if (!array_.empty()) return array_[copy * each_ + id];
    return map_.try_emplace((std::uint64_t{copy} << 32) | id, kNone).first.value();
  }

 private:
  std::size_t each_;
  std::vector<std::uint32_t> array_;
  tsl::robin_map<std::uint64_t, std::uint32_t, KeyHash> map_;
};

std::uint32_t root_of(std::vector<std::uint32_t>& parent, std::uint32_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

}  // namespace

Workload rearrange(const Workload& source, const std::vector<Placement>& placements) {
  std::vector<std::uint32_t> order(placements.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return placements[a].at < placements[b].at; });
  const std::vector<bool> shared = shared_blocks(source);
  std::vector<TurnId> turn_of_placement(placements.size(), kNone);
  std::size_t copies = 1, references = 0;
  for (const Placement& p : placements) {
    copies = std::max(copies, std::size_t{p.copy} + 1);
    references += source.turns[p.source].block_count;
  }
  OfCopies turns(copies, source.turns.size(), placements.size());
  OfCopies blocks(copies, source.block_count(), references);
  WorkloadBuilder builder(source, source.block_tokens);
  builder.reserve(placements.size(), references);
  for (TurnId t = 0; t < order.size(); ++t) {
    const Placement& p = placements[order[t]];
    Turn turn = source.turns[p.source];
    turn.arrival = p.arrival;
    for (TurnId* before : {&turn.arrival.after, &turn.arrival.join}) {
      if (*before == kNone) continue;
      *before = turn_of_placement[*before];
      KVPLAN_ASSERT(*before != kNone);
    }
    if (turn.continues != kNone) turn.continues = turns.of(p.copy, turn.continues);
    turn_of_placement[order[t]] = t;
    turns.of(p.copy, p.source) = t;
    builder.begin_turn(turn);
    for (const BlockId block : source.blocks(source.turns[p.source])) {
      builder.add_block(blocks.of(shared[block] ? 0 : p.copy, block), source.tokens_of_block[block]);
    }
  }
  return builder.finish();
}

double memory_of(const Workload& w) {
  return static_cast<double>(w.turns.size()) * (sizeof(Placement) + sizeof(Turn)) +
         static_cast<double>(w.prompt_blocks.size()) * 2 * sizeof(BlockId);
}

std::vector<Placement> placements_of(const Workload& workload) {
  const std::vector<Time> at = recorded_timeline(workload);
  std::vector<Placement> placements(workload.turns.size());
  for (TurnId t = 0; t < placements.size(); ++t) placements[t] = {t, 0, at[t], workload.turns[t].arrival};
  return placements;
}

std::vector<Time> recorded_timeline(const Workload& workload) {
  std::vector<Time> at(workload.turns.size());
  for (TurnId t = 0; t < at.size(); ++t) {
    at[t] = arrival_on_timeline(workload.turns[t].arrival,
                                [&](TurnId before) { return at[before] + workload.turns[before].recorded_service; });
  }
  return at;
}

std::vector<std::vector<TurnId>> groups_of_turns(const Workload& workload) {
  std::vector<std::uint32_t> parent(workload.turns.size());
  std::iota(parent.begin(), parent.end(), 0u);
  for (TurnId t = 0; t < parent.size(); ++t) {
    const Turn& turn = workload.turns[t];
    for (const TurnId before : {turn.continues, turn.arrival.after, turn.arrival.join}) {
      if (before == kNone) continue;
      const std::uint32_t a = root_of(parent, before), b = root_of(parent, t);
      parent[std::max(a, b)] = std::min(a, b);
    }
  }
  std::vector<std::uint32_t> group_of_root(parent.size(), kNone);
  std::vector<std::vector<TurnId>> groups;
  for (TurnId t = 0; t < parent.size(); ++t) {
    std::uint32_t& group = group_of_root[root_of(parent, t)];
    if (group == kNone) {
      group = static_cast<std::uint32_t>(groups.size());
      groups.emplace_back();
    }
    groups[group].push_back(t);
  }
  return groups;
}

}  // namespace kvplan

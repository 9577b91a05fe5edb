#include "traces/prefix_chains.hpp"

#include "base/error.hpp"
#include "traces/workload.hpp"

namespace kvplan {

PrefixChains::PrefixChains(const Workload& workload)
    : block_tokens_(workload.block_tokens), block_count_(workload.block_count()) {
  const std::vector<Place> places = cut(workload);
  for (Runs* runs : {&prompts_, &outputs_}) runs->first.reserve(workload.turns.size() + 1);
  for (const Turn& turn : workload.turns) {
    const auto blocks = workload.blocks(turn), outputs = workload.outputs(turn);
    append_runs(prompts_, places, blocks.empty() ? kNone : blocks.back(), turn.block_count);
    append_runs(outputs_, places, outputs.empty() ? kNone : outputs.back(), turn.output_block_count);
  }
  for (Runs* runs : {&prompts_, &outputs_}) {
    KVPLAN_ASSERT(runs->runs.size() < kNone);
    runs->first.push_back(static_cast<std::uint32_t>(runs->runs.size()));
  }
}

std::vector<PrefixChains::Place> PrefixChains::cut(const Workload& workload) {
  const auto& parent = workload.parent_of_block;
  std::vector<std::uint32_t> prompts(block_count_, 0);  // that pass through a block
  for (const Turn& turn : workload.turns) {
    if (turn.block_count > 0) ++prompts[workload.blocks(turn).back()];
  }
  for (BlockId b = block_count_; b-- > 0;) {
    KVPLAN_ASSERT(parent[b] == kNone || parent[b] < b);
    if (parent[b] != kNone) prompts[parent[b]] += prompts[b];
  }
  std::vector<BlockId> next(block_count_, kNone);
  for (BlockId b = 0; b < block_count_; ++b) {
    const BlockId p = parent[b];
    if (p != kNone && (next[p] == kNone || prompts[b] > prompts[next[p]])) next[p] = b;
  }
  std::vector<Place> places(block_count_);
  std::uint32_t place = 0;
  for (BlockId head = 0; head < block_count_; ++head) {
    if (parent[head] != kNone && next[parent[head]] == head) continue;
    Chain chain{place, 0, 0};
    for (BlockId b = head; b != kNone; b = next[b]) {
      KVPLAN_ASSERT(next[b] == kNone || workload.tokens_of_block[b] == block_tokens_);
      places[b] = {chain_count(), chain.blocks++};
      chain.last_block_tokens = workload.tokens_of_block[b];
    }
    place += chain.blocks;
    chains_.push_back(chain);
    parents_.push_back(parent[head]);
  }
  return places;
}

void PrefixChains::append_runs(Runs& runs, const std::vector<Place>& places, std::uint32_t last,
                               std::uint32_t count) const {
  const auto begin = static_cast<std::ptrdiff_t>(runs.runs.size());
  runs.first.push_back(static_cast<std::uint32_t>(runs.runs.size()));
  for (BlockId b = last; count > 0; b = parents_[runs.runs.back().range.chain]) {
    const Place place = places[b];
    const std::uint32_t blocks = std::min(count, place.position + 1);
    count -= blocks;
    runs.runs.push_back({count, {place.chain, place.position + 1 - blocks, place.position + 1}});
  }
  std::reverse(runs.runs.begin() + begin, runs.runs.end());
}

Workload with_chains(Workload load) {
  load.chains = PrefixChains(load);
  return load;
}

}  // namespace kvplan

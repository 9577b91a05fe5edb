#include "traces/workload_builder.hpp"

#include "base/error.hpp"
#include "traces/follow_ups.hpp"

namespace kvplan {

WorkloadBuilder::WorkloadBuilder(const Workload& source, std::int32_t block_tokens) {
  workload_.name = source.name;
  workload_.format = source.format;
  workload_.sha256 = source.sha256;
  workload_.recorded_tick = source.recorded_tick;
  workload_.notes = source.notes;
  workload_.block_tokens = block_tokens;
}

void WorkloadBuilder::reserve(std::size_t turns, std::size_t prompt_blocks) {
  workload_.turns.reserve(turns);
  workload_.prompt_blocks.reserve(prompt_blocks);
}

void WorkloadBuilder::begin_turn(const Turn& like) {
  Turn turn = like;
  turn.first_block = static_cast<std::uint32_t>(workload_.prompt_blocks.size());
  turn.block_count = turn.first_output_block = turn.output_block_count = 0;
  workload_.turns.push_back(turn);
  parent_ = kNone;
}

void WorkloadBuilder::add_block(std::uint64_t key, std::int32_t tokens) {
  add_block(ids_.try_emplace(key, kNone).first.value(), tokens);
}

void WorkloadBuilder::add_block(BlockId& id, std::int32_t tokens) {
  if (workload_.prompt_blocks.size() + 1 >= kNone) {
    throw InfeasibleError("the transformed load has more than 4 billion blocks: ask for fewer turns");
  }
  if (id == kNone) {
    id = workload_.block_count();
    workload_.parent_of_block.push_back(parent_);
    workload_.tokens_of_block.push_back(tokens);
  }
  KVPLAN_ASSERT(workload_.parent_of_block[id] == parent_ && workload_.tokens_of_block[id] == tokens);
  workload_.prompt_blocks.push_back(id);
  ++workload_.turns.back().block_count;
  parent_ = id;
}

void WorkloadBuilder::note(std::string what, std::int64_t rows) { workload_.notes.push_back({std::move(what), rows}); }

Workload WorkloadBuilder::finish() {
  attach_outputs(workload_);
  number_sessions(workload_);
  return std::move(workload_);
}

}  // namespace kvplan

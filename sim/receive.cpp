// A replica's part in disaggregation (handover.hpp): giving computed prompts away, or taking them in.
#include <algorithm>

#include "sim/replica.hpp"

namespace kvplan {

// The prompt is computed, and its first token out: it leaves the batch, and keeps its pages until it is handed over.
void Replica::hand_over(SequenceId id) {
  Sequence& s = sequence(id);
  s.phase = Sequence::Phase::leaving;
  running_.erase(std::find(running_.begin(), running_.end(), id));
  ++leaving_;
  run_.computed_prompts.push_back({s.turn, id});
}

// Prompts whose last step begins now can be on their way beside it.
void Replica::announce_last_steps() {
  for (SequenceId id : chunks_) {
    const Sequence& s = sequence(id);
    const bool last = s.lead_tokens == 0 && s.computed_tokens + s.chunk_tokens == s.target_tokens;
    if (last && turn_of(s).output_tokens > 1) run_.announced_prompts.push_back({s.turn, id});
  }
}

void Replica::handed_over(SequenceId id, Time at) {
  settle(at);
  Sequence& s = sequence(id);
  KVPLAN_ASSERT(s.phase == Sequence::Phase::leaving);
  give_up(s);
  s.phase = Sequence::Phase::done;
  free_sequences_.push_back(id);
  --leaving_;
  memory_changed_ = true;
  batch_may_change(at);
}

void Replica::receive(TurnId turn, Time at) {
  const SequenceId id = new_sequence(turn);
  Sequence& s = sequence(id);
  s.part = Sequence::Part::done;
  record_of(s).decode_replica = id_;
  note(Happening::choose, turn);
  expected_.push_back(id);
  invite(at);
}

// Takes pages for prompts that are to come, in order, as far as there is room; behind requests that were preempted.
void Replica::reserve_expected(Time at) {
  while (!expected_.empty() && limit_ == Limit::none) {
    if (running() + static_cast<std::int64_t>(received_.size()) + loading_ >= engine_.max_num_seqs) {
      limit_ = Limit::slots;
    } else if (!try_reserve(expected_.front(), at)) {
      limit_ = Limit::memory;
      memory_changed_ = false;
    } else {
      expected_.pop_front();
    }
  }
}

// Of a prompt whose beginning is here already, the rest is enough.
bool Replica::try_reserve(SequenceId id, Time at) {
  Sequence& s = sequence(id);
  const Turn& turn = turn_of(s);
  const std::int64_t here = g1_prefix_blocks(s.turn);
  std::int64_t unreferenced = 0;
  for_each_range(run_.chains.prompt(s.turn), 0, here, [&](const BlockRange& r) {
    unreferenced += cache_.unreferenced_pages(r);
    return true;
  });
  const std::int64_t pages = pages_of_blocks(turn, turn.block_count), need = pages - pages_of_blocks(turn, here);
  if (need > obtainable() - unreferenced) return false;
  cache_.announce({at, false});
  for_each_range(run_.chains.prompt(s.turn), 0, here, [&](const BlockRange& r) {
    cache_.reference(r);
    return true;
  });
  cache_.allocate(need);
  s.pages = pages;
  s.referenced_blocks = static_cast<std::uint32_t>(here);
  s.cached_blocks = turn.block_count;
  s.loading_blocks = static_cast<std::uint32_t>(turn.block_count - here);
  s.resume_tokens = turn.prompt_tokens;
  s.phase = Sequence::Phase::loading;
  ++loading_;
  const std::int64_t block = run_.workload.block_tokens;
  const std::int64_t tokens = std::max<std::int64_t>(0, turn.prompt_tokens - here * block);
  const Bytes lacking = tokens * config_.kv_bytes_per_token;
  note(Happening::reserve, s.turn, tokens, lacking.count);
  run_.reserved_prompts.push_back({s.turn, id, lacking});
  return true;
}

void Replica::received(SequenceId id, Time at) {
  settle(at);
  take_loaded(sequence(id));
  sequence(id).phase = Sequence::Phase::loaded;
  received_.push_back(id);
  memory_changed_ = true;
  batch_may_change(at);
  --loading_;
}

// What has come decodes from the step on that is being composed. A prefill between two of its chunks stays the newest.
void Replica::join_received(Time at) {
  while (!received_.empty() && running() < engine_.max_num_seqs && unfinished_ == kNone) {
    const SequenceId id = received_.front();
    received_.pop_front();
    Sequence& s = sequence(id);
    s.phase = Sequence::Phase::decoding;
    s.order = ++admissions_;
    running_.push_back(id);
    s.bias = decode_.join(id, s.order, s.target_tokens + 1, turn_of(s).output_tokens - 1);
    record_of(s).handover = at - record_of(s).first_token;
    note(Happening::join, s.turn);
  }
}

}  // namespace kvplan

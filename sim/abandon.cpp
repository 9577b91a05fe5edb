// A replica is lost in the middle of whatever it does.
#include <algorithm>

#include "sim/replica.hpp"

namespace kvplan {

std::vector<Stranded> Replica::abandon(Time at) {
  KVPLAN_ASSERT(run_.executor == nullptr);
  settle(at);
  stop(at);
  std::vector<Stranded> stranded;
  for (const SequenceId id : live_sequences()) stranded.push_back(strand(id, at));
  let_go_below();
  return stranded;
}

// The step under way is lost, but the time that it took is not.
void Replica::stop(Time at) {
  SimulationResult& r = run_.result;
  if (flight_.active()) {
    count_busy(busy_in_step(at), at);
    r.gpu_waiting_for_load += gpu_time(std::min(gate_.stall, at - flight_.start()));
  } else if (gate_.loads > 0) {
    r.gpu_waiting_for_load += gpu_time(at - gate_.start);
  } else if (loading_ > 0 && next_event_ == Time::max()) {
    r.gpu_waiting_for_load += gpu_time(at - idle_since_);
  }
}

// What the request had computed up to the last boundary has been computed once; what it had emitted stays.
Stranded Replica::strand(SequenceId id, Time at) {
  Sequence& s = sequence(id);
  RequestRecord& record = record_of(s);
  const std::int64_t block = run_.workload.block_tokens;
  if (s.phase == Sequence::Phase::decoding) {
    s.generated_tokens = static_cast<std::int32_t>(decode_.context_of(s.bias)) - turn_of(s).prompt_tokens;
    run_.result.fleet.lost_tokens += decode_.context_of(s.bias);
  } else {
    run_.result.fleet.lost_tokens += s.phase == Sequence::Phase::waiting ? 0 : s.computed_tokens;
  }
  if (s.phase == Sequence::Phase::prefilling) {
    record.computed_tokens -= s.chunk_tokens;
    const std::int64_t from = s.cached_blocks - (s.lead_tokens > 0 ? s.loading_blocks + s.lead_blocks : 0);
    note_computed(s, from, std::min<std::int64_t>(s.referenced_blocks, s.computed_tokens / block));
  }
  s.enter(Sequence::Part::queue, at, record);
  ++record.requeues;
  ++run_.result.fleet.requeued;
  return {s.turn, {at, s.generated_tokens, s.part == Sequence::Part::done}};
}

// Loads leave what they read, and what was to be stored does not come.
void Replica::let_go_below() {
  for (std::uint32_t tier = 0; tier < loads_.size(); ++tier) {
    for (const Transfer& t : loads_[tier].all()) {
      for (std::size_t i = t.ranges.size(); i-- > 0;) below_.tiers[tier]->unpin(t.ranges[i]);
      for (const BlockRange& r : t.promoted) tier_->abort_store(r);
    }
  }
  for (std::uint32_t tier = 1; tier <= prefetches_.size(); ++tier) {
    for (const Transfer& t : prefetches_[tier - 1].all()) {
      for (std::size_t i = t.ranges.size(); i-- > 0;) {
        below_.tiers[tier]->unpin(t.ranges[i]);
        tier_->abort_store(t.ranges[i]);
      }
    }
  }
  const auto abort = [&](const Transfer& t) {
    for (const BlockRange& r : t.ranges) tier_->abort_store(r);
  };
  for (const Transfer& t : stores_.all()) abort(t);
  for (const Transfer& t : deferred_) abort(t);
  for (const Transfer& t : due_) abort(t);
}

}  // namespace kvplan

#include "sim/eviction/foresight.hpp"
#include "sim/replica.hpp"

#include <algorithm>

namespace kvplan {

namespace {

bool differ(const StepTimes& times) {
  const auto same = [&](const StepTime& a, const StepTime& b) {
    for (std::int64_t x : {0, 1, 1000, 100000}) {
      if (a.base(x) != b.base(x) || a.head(x) != b.head(x)) return false;
    }
    return a.context_ps == b.context_ps && a.pair_ps == b.pair_ps && a.key_queries == b.key_queries &&
           a.host_ps == b.host_ps && a.host_sample_ps == b.host_sample_ps;
  };
  return !std::all_of(times.begin(), times.end(), [&](const StepTime& t) { return same(t, times[0]); });
}

}  // namespace

Replica::Replica(std::uint32_t id, RunState& run, const SimulationConfig& config, const Below& below)
    : id_(id),
      run_(run),
      config_(config),
      engine_(config.engine),
      offload_(config.offload),
      below_(below),
      tier_(below.tiers.empty() ? nullptr : below.tiers.front()),
      stores_(below.network, tier_ ? below.network->store_route(below.replica_on_node) : 0, run.executor),
      cache_(run.chains, engine_.g1_pages, engine_.page_tokens,
             run.foresight == nullptr
                 ? nullptr
                 : make_eviction(engine_.eviction, {config.retention, *run.foresight, engine_.g1_pages.count})),
      decode_(engine_.page_tokens, engine_.speculation),
      copies_slow_steps_(tier_ && differ(config.step_times)),
      steps_slow_copies_(tier_ && below.network->slowed_by_steps()),
      decodes_alone_(!run.config.decode_pool.empty() && &config == &run.config.decode_pool.front()),
      prefills_alone_(!config.decode_pool.empty()),
      reserve_pages_(tier_ && offload_.store == StorePolicy::back ? ceil_div(engine_.g1_pages.count, 64) : 0) {
  for (std::uint32_t t = 0; t < below_.tiers.size(); ++t) {
    loads_.emplace_back(below_.network, below_.network->load_route(t, below_.replica_on_node), run_.executor);
  }
  for (std::uint32_t t = 1; offload_.prefetch && t < below_.tiers.size(); ++t) {
    prefetches_.emplace_back(below_.network, below_.network->prefetch_route(t, below_.replica_on_node), run_.executor);
    most_prefetching_blocks_ = tier_->capacity_blocks() / 8 / below_.sharing;
  }
}

SequenceId Replica::new_sequence(TurnId turn) {
  SequenceId id;
  if (free_sequences_.empty()) {
    id = static_cast<SequenceId>(sequences_.size());
    sequences_.emplace_back();
  } else {
    id = free_sequences_.back();
    free_sequences_.pop_back();
    sequences_[id] = Sequence{};
  }
  sequences_[id].turn = turn;
  sequences_[id].target_tokens = turn_of(sequences_[id]).prompt_tokens;
  return id;
}

std::vector<SequenceId> Replica::live_sequences() const {
  std::vector<bool> is_free(sequences_.size(), false);
  for (const SequenceId id : free_sequences_) is_free[id] = true;
  std::vector<SequenceId> live;
  for (SequenceId id = 0; id < sequences_.size(); ++id) {
    if (!is_free[id]) live.push_back(id);
  }
  return live;
}

void Replica::arrive(TurnId turn, const Progress& progress, Time at) {
  const SequenceId id = new_sequence(turn);
  Sequence& s = sequences_[id];
  s.generated_tokens = progress.generated_tokens;
  s.target_tokens += progress.generated_tokens;
  s.since = progress.since;
  if (progress.answered) s.part = Sequence::Part::done;
  record_of(s).replica = id_;
  waiting_.push_back(id);
  note(Happening::queue, turn);
  const bool queues = flight_.active() || gate_.loads > 0;
  if (queues && !prefetches_.empty()) prefetch(turn, at);
  invite(at);
}

// Whoever has come may get into the batch at the next boundary.
void Replica::invite(Time at) {
  if (!flight_.active() && gate_.loads == 0) {
    wake(at);
  } else if (limit_ == Limit::none && flight_.active()) {
    flight_.cut(at);
    next_event_ = flight_.end();
  }
}

void Replica::wake(Time at) {
  if (next_event_ == at) return;
  if (loading_ > 0) run_.result.gpu_waiting_for_load += gpu_time(at - idle_since_);
  next_event_ = at;
}

void Replica::settle(Time at) {
  if (!flight_.active()) return;
  const std::int64_t steps = flight_.ended_before(at);
  if (steps > 0) carry_out(steps);
}

void Replica::count_busy(Time t, Time until) {
  SimulationResult& result = run_.result;
  result.gpu_busy += gpu_time(t), busy_ += gpu_time(t);
  result.first_step = std::min(result.first_step, flight_.start());
  result.last_step = std::max(result.last_step, until);
}

// Ends `steps` steps of the flight and starts as many more.
void Replica::carry_out(std::int64_t steps) {
  KVPLAN_ASSERT(steps < flight_.steps());
  note_steps(steps, Time(0));
  count_busy(flight_.end_of(steps) - flight_.start(), flight_.end_of(steps));
  run_.result.steps += steps;
  flight_.drop(steps);
  const std::int64_t decode_pages = decodes_run_ ? decode_.pages(1, steps + 1) : 0;
  if (decodes_run_) decode_.advance(steps);
  if (chunks_.empty()) {
    cache_.allocate(decode_pages);
    return;
  }
  Sequence& s = sequence(chunks_.front());
  s.computed_tokens += static_cast<std::int32_t>(steps) * s.chunk_tokens;
  const std::int64_t pages = chunk_pages(s, s.chunk_tokens);
  s.pages += pages;
  cache_.allocate(decode_pages + pages);
  adopt_blocks(s, s.computed_tokens + s.chunk_tokens);
  record_of(s).computed_tokens += steps * s.chunk_tokens;
}

void Replica::step(Time at) {
  ++run_.result.events;
  follows_step_ = flight_.active();
  if (follows_step_) finish_flight(at);
  pace_copies(true, at);
  schedule(at);
  if (!flight_.active() && gate_.loads == 0) pace_copies(false, at);
}

void Replica::step_reported(Time at) {
  KVPLAN_ASSERT(flight_.active() && at > flight_.start());
  flight_ = Flight(flight_.start(), (at - flight_.start()).count, 0, 1);
  next_event_ = at;
}

void Replica::finish_flight(Time at) {
  if (flight_.steps() > 1) carry_out(flight_.steps() - 1);
  KVPLAN_ASSERT(flight_.end() == at);
  note_steps(1, gate_.stall);
  count_busy(at - flight_.start() - gate_.stall, at);
  run_.result.gpu_waiting_for_load += gpu_time(gate_.stall);
  ++run_.result.steps;
  flight_ = Flight{};
  if (decodes() > 0) decode_.advance(1);
  while (decode_.has_finished()) {
    const SequenceId id = decode_.first_finished();
    Sequence& s = sequence(id);
    s.pages = held_pages(s);
    decode_.pop_finished(s.bias);
    complete(id, at);
  }
  for (SequenceId id : chunks_) {
    Sequence& s = sequence(id);
    s.computed_tokens += s.chunk_tokens;
    s.chunk_tokens = 0;
    if (s.load_in_step && s.part == Sequence::Part::prefill) {
      // The step stalled for this request's load: that time is load, not prefill.
      record_of(s).load += gate_.stall;
      s.since += gate_.stall;
    }
    s.load_in_step = false;
    if (s.computed_tokens < s.stop_tokens()) {
      unfinished_ = id;
    } else if (s.lead_tokens > 0) {
      note_computed(s, s.cached_blocks - s.loading_blocks - s.lead_blocks, s.referenced_blocks);
      end_lead(id, at);
    } else {
      finish_prefill(id, at);
    }
  }
  chunks_.clear();
  gate_ = Gate{};
}

void Replica::finish_prefill(SequenceId id, Time at) {
  Sequence& s = sequence(id);
  RequestRecord& record = record_of(s);
  const Turn& turn = turn_of(s);
  note_computed(s, s.cached_blocks, s.referenced_blocks);
  note(Happening::first, s.turn);
  if (s.part != Sequence::Part::done) {
    s.enter(Sequence::Part::done, at, record);
    record.first_token = at;
    if (record.computed_tokens > 0) {
      __extension__ using int128 = __int128;
      record.recompute = Time(static_cast<std::int64_t>(int128(record.prefill.count) * record.recomputed_tokens /
                                                        record.computed_tokens));
    }
  }
  record.recomputed_tokens += s.generated_tokens;
  store_prompt(s, at);
  const std::int64_t remaining = turn.output_tokens - s.generated_tokens - 1;
  if (remaining <= 0) {
    complete(id, at);
    return;
  }
  if (prefills_alone_) {
    hand_over(id);
    return;
  }
  s.phase = Sequence::Phase::decoding;
  s.bias = decode_.join(id, s.order, s.target_tokens + 1, remaining);
}

void Replica::complete(SequenceId id, Time at) {
  Sequence& s = sequence(id);
  RequestRecord& record = record_of(s);
  const std::int64_t kept = keep_outputs(s);
  if (run_.executor != nullptr) run_.executor->keep_outputs(id, s.turn, kept);
  run_.foresight->ended(s.turn, at);
  store_answer(s, kept, at);
  cache_.announce({at, true});
  for_each_range_backwards(run_.chains.output(s.turn), 0, kept, [&](const BlockRange& r) { cache_.release(r); });
  cache_.announce({at, false});
  give_up(s);
  running_.erase(std::find(running_.begin(), running_.end(), id));
  record.finish = at;
  note(Happening::finish, s.turn);
  record.outcome = Outcome::completed;
  run_.ended.push_back(s.turn);
  free_sequences_.push_back(id);
  memory_changed_ = true;
}

// The answer's full blocks become resident, for the turns that continue it: the
// sequence's private pages, and those of the prompt's partial last block, get
// their names. Returns how many; the sequence references them. A partial block
// that others use stays as it is, and nothing is kept behind it.
std::int64_t Replica::keep_outputs(Sequence& s) {
  const Turn& turn = turn_of(s);
  if (turn.output_block_count == 0) return 0;
  if (turn.prompt_tokens % run_.workload.block_tokens != 0) {
    const BlockRange last = run_.chains.prompt(s.turn).back().range;
    const BlockRange partial = last.from(last.last - 1);
    if (cache_.stretch(partial).references != 1) return 0;
    cache_.forget(partial);
    --s.referenced_blocks;
  }
  const std::int64_t block_pages = pages_of_tokens(run_.workload.block_tokens);
  std::int64_t kept = 0;
  for_each_range(run_.chains.output(s.turn), 0, turn.output_block_count, [&](BlockRange rest) {
    while (rest.first < rest.last) {
      const Residency::Stretch stretch = cache_.stretch(rest);
      BlockRange part = rest.until(stretch.end);
      if (stretch.present) {
        cache_.reference(part);
      } else {
        const std::int64_t room = (s.pages - pages_of_blocks(turn, s.referenced_blocks)) / block_pages;
        part.last = static_cast<std::uint32_t>(std::min<std::int64_t>(part.last, part.first + std::max<std::int64_t>(0, room)));
        if (part.blocks() == 0) return false;
        s.pages -= cache_.pages(part);
        cache_.insert(part);
      }
      mark_computed(part);
      kept += part.blocks();
      rest = rest.from(part.last);
    }
    return true;
  });
  return kept;
}

std::int64_t Replica::pages_of_blocks(const Turn& turn, std::int64_t blocks) const {
  return pages_of_tokens(std::min<std::int64_t>(blocks * run_.workload.block_tokens, turn.prompt_tokens));
}

// Pages of a sequence at a step boundary.
std::int64_t Replica::held_pages(const Sequence& s) const {
  if (s.phase != Sequence::Phase::decoding) return s.pages;
  return std::max(s.pages, decode_.pages_of(s.bias, -1));
}

// Everything that the sequence holds in G1 goes back, the tail of its chain first.
void Replica::give_up(Sequence& s) {
  if (run_.executor != nullptr) run_.executor->leave(static_cast<SequenceId>(&s - sequences_.data()));
  cache_.free(s.pages - pages_of_blocks(turn_of(s), s.referenced_blocks));
  for_each_range_backwards(run_.chains.prompt(s.turn), 0, s.referenced_blocks,
                           [&](const BlockRange& r) { cache_.release(r); });
  s.referenced_blocks = 0;
  s.loading_blocks = 0;
  s.lead_tokens = 0;
  s.pages = 0;
  s.computed_tokens = 0;
}

void Replica::append_held(std::vector<BlockRange>& ranges) const {
  cache_.append_ready(ranges);
  for (const LowerTier* tier : below_.tiers) tier->append_ready(ranges);
}

std::int64_t Replica::g1_prefix_blocks(TurnId turn) const {
  std::int64_t blocks = 0;
  for (const PrefixRun& run : run_.chains.prompt(turn)) {
    const std::uint32_t until = cache_.resident_until(run.range);
    blocks += until - run.range.first;
    if (until < run.range.last) break;
  }
  return blocks;
}

}  // namespace kvplan

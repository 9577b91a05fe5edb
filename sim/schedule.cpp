// Composing a step: see the contract in replica.hpp.
#include <algorithm>

#include "sim/replica.hpp"

namespace kvplan {

void Replica::schedule(Time at) {
  preempted_ = false;
  decodes_run_ = false;
  if (!received_.empty()) join_received(at);
  start_deferred(at, false);
  if (writes_back()) make_clean(reserve_pages_, at);
  budget_ = engine_.max_num_batched_tokens;
  const bool prefill_first = engine_.order == StepOrder::prefill_first;
  if (prefill_first && !decodes_wait_) add_prefills(at);
  decodes_wait_ = chunks_.empty() && !add_decodes(at);
  if (decodes_wait_) {
    go_idle(at);
    return;
  }
  if (!prefill_first) add_prefills(at);
  if (decodes() == 0 && chunks_.empty()) {
    go_idle(at);
  } else {
    take_off(at);
  }
}

void Replica::add_prefills(Time at) {
  if (unfinished_ != kNone) continue_prefill(at);
  if (!preempted_) admit(at);
}

// False when the step has to wait for pages.
bool Replica::add_decodes(Time at) {
  if (!make_room_for_decodes(at)) return false;
  cache_.allocate(decode_.pages(0, 1));
  budget_ = engine_.max_num_batched_tokens - decode_.size() * (1 + engine_.speculation.draft_tokens);
  decodes_run_ = true;
  return true;
}

// False when the step has to wait for pages that are being written back.
bool Replica::make_room_for_decodes(Time at) {
  while (!can_obtain(decode_.pages(0, 1), at)) {
    if (release_newest_loaded()) continue;
    if (leaving_pages_ > 0) return false;
    preempt_newest(at);
  }
  return true;
}

void Replica::continue_prefill(Time at) {
  Sequence& s = sequence(unfinished_);
  const std::int64_t tokens = std::min<std::int64_t>(s.stop_tokens() - s.computed_tokens, budget_);
  if (tokens <= 0) return;
  while (!can_obtain(chunk_pages(s, tokens), at)) {
    if (release_newest_loaded()) continue;
    if (leaving_pages_ == 0) preempt_newest(at);  // itself: it is the newest
    return;
  }
  begin_chunk(unfinished_, tokens);
  unfinished_ = kNone;
}

void Replica::admit(Time at) {
  // A head that did not fit is tried again only when memory has changed.
  if (limit_ == Limit::memory && !memory_changed_) return;
  limit_ = Limit::none;
  memory_changed_ = false;
  while (!slots_full() && (!loaded_.empty() || !waiting_.empty())) {
    boost::container::deque<SequenceId>& queue = loaded_.empty() ? waiting_ : loaded_;
    if (engine_.whole_prompts && waits_for_budget(queue.front(), at)) {
      limit_ = Limit::budget;
      return;
    }
    if (!try_admit(queue.front(), at)) {
      limit_ = Limit::memory;
      memory_changed_ = false;
      return;
    }
    queue.pop_front();
  }
  if (slots_full()) {
    limit_ = Limit::slots;
  } else if (!expected_.empty()) {
    reserve_expected(at);
  }
}

// No further request can join this step, whatever memory there is.
bool Replica::slots_full() const {
  return budget_ <= 0 || running() >= engine_.max_num_seqs || unfinished_ != kNone;
}

bool Replica::waits_for_budget(SequenceId id, Time at) {
  const Sequence& s = sequences_[id];
  const Admission a = look_up(s, at);
  const std::int64_t block = run_.workload.block_tokens;
  const std::int64_t tokens = a.lead > 0 ? a.lead * block : s.target_tokens - a.cached_tokens;
  return !a.waits && tokens > budget_ && tokens <= engine_.max_num_batched_tokens;
}

// What the tiers hold of a waiting request's prompt, and what it takes to go on from there.
Replica::Admission Replica::look_up(const Sequence& s, Time at) {
  const Turn& turn = turn_of(s);
  Admission a;
  if (s.phase == Sequence::Phase::loaded) {
    a.g1 = s.referenced_blocks;
    a.cached_tokens = s.computed_tokens;
    a.present_pages = s.pages;
  } else {
    a.g1 = g1_prefix_blocks(s.turn);
    a.below = below_prefix_blocks(s.turn, a.g1);
    // The last page of a fully cached prompt is computed again, for its logits.
    const std::int64_t useful = (s.target_tokens - 1) / engine_.page_tokens * engine_.page_tokens;
    const std::int64_t hit = std::min<std::int64_t>((a.g1 + a.below) * run_.workload.block_tokens, turn.prompt_tokens);
    a.cached_tokens = std::min(hit, useful);
    if (a.below > 0 && offload_.choice != LoadChoice::load) {
      apply(choose_load(s, a, at), a);
      a.cached_tokens = std::min<std::int64_t>(std::min<std::int64_t>((a.g1 + a.below) * run_.workload.block_tokens, turn.prompt_tokens), useful);
    }
    a.present_pages = pages_of_blocks(turn, a.g1);
    for_each_range(run_.chains.prompt(s.turn), 0, a.g1, [&](const BlockRange& r) {
      a.unreferenced_pages += cache_.unreferenced_pages(r);
      return true;
    });
  }
  a.load_pages = pages_of_blocks(turn, a.g1 + a.below) - pages_of_blocks(turn, a.g1);
  a.waits = a.below > 0 && a.lead == 0 && offload_.load == LoadPolicy::blocking;
  std::int64_t end_pages = a.present_pages + a.load_pages;
  if (a.lead > 0) {
    a.chunk_tokens = std::min<std::int64_t>(a.lead * run_.workload.block_tokens, budget_);
  } else if (!a.waits) {
    a.chunk_tokens = std::min<std::int64_t>(s.target_tokens - a.cached_tokens, budget_);
    end_pages = std::max(end_pages, pages_of_tokens(a.cached_tokens + a.chunk_tokens));
  }
  a.need_pages = end_pages - a.present_pages;
  return a;
}

// A request that does not fit leaves no trace, but that write-back may start to make room for it.
bool Replica::try_admit(SequenceId id, Time at) {
  Sequence& s = sequence(id);
  Admission a = look_up(s, at);
  while (a.need_pages > obtainable() - (writes_back() ? 0 : a.unreferenced_pages)) {
    if (!writes_back() || !make_clean(a.need_pages, at)) return false;
    a = look_up(s, at);  // cleaning may have evicted what was a hit
  }
  const bool looked_up = s.phase == Sequence::Phase::waiting;
  if (looked_up) {
    cache_.announce({at, false});
    for (LowerTier* tier : below_.tiers) tier->announce({at, false});
    take_hits(s, a);
  }
  note_admission(s, a);
  if (a.load_pages > 0) {
    cache_.allocate(a.load_pages);
    s.pages += a.load_pages;
    s.load_in_step = !a.waits && a.lead == 0;
    s.loading_blocks = static_cast<std::uint32_t>(a.below - a.lead);
    load(id, at);
  }
  // Only now that the hits are pinned: room for these writes may be made in the tier that holds them.
  if (looked_up && counts_lookups(offload_)) offer_looked_up(s, at);
  if (a.waits) {
    s.phase = Sequence::Phase::loading;
    s.enter(Sequence::Part::load, at, record_of(s));
    ++loading_;
    return true;
  }
  s.phase = Sequence::Phase::prefilling;
  s.order = ++admissions_;
  s.enter(Sequence::Part::prefill, at, record_of(s));
  running_.push_back(id);
  begin_chunk(id, a.chunk_tokens);
  return true;
}

void Replica::take_hits(Sequence& s, const Admission& a) {
  const auto prompt = run_.chains.prompt(s.turn);
  for_each_range(prompt, 0, a.g1, [&](const BlockRange& r) {
    cache_.reference(r);
    return true;
  });
  s.referenced_blocks = static_cast<std::uint32_t>(a.g1);
  s.cached_blocks = static_cast<std::uint32_t>(a.g1 + a.below);
  s.pages = a.present_pages;
  s.resume_tokens = static_cast<std::int32_t>(a.cached_tokens);
  s.lead_blocks = static_cast<std::uint32_t>(a.lead);
  const std::int64_t lead_end = (a.g1 + a.lead) * run_.workload.block_tokens;
  s.lead_tokens = static_cast<std::int32_t>(a.lead > 0 ? lead_end : 0);
  s.computed_tokens = static_cast<std::int32_t>(a.lead > 0 ? a.g1 * run_.workload.block_tokens : a.cached_tokens);
  if (a.offered > 0) {
    run_.result.load_choices.add(a.decision, a.offered, run_.workload.block_tokens);
  } else if (a.below > 0) {
    ++run_.result.load_choices.loaded;
  }
  const bool counts = counts_lookups(offload_);
  for (std::size_t i = tier_ ? prompt.size() : 0; i-- > 0;) {
    for (LowerTier* tier : below_.tiers) tier->touch(prompt[i].range);
    if (counts) tier_->count_lookups(prompt[i].range);
  }
  // The hits of a request are those of the admission that led to its first computed token.
  if (record_of(s).computed_tokens > 0) return;
  const std::int64_t g1_tokens = std::min<std::int64_t>(a.g1 * run_.workload.block_tokens, a.cached_tokens);
  record_of(s).hit_g1_tokens = static_cast<std::int32_t>(g1_tokens);
  record_of(s).hit_g2_tokens = record_of(s).hit_beyond_tokens[0] = record_of(s).hit_beyond_tokens[1] = 0;
  std::int64_t begin = lead_end;
  for (const Hit& hit : hits_) {
    const std::int64_t end = std::min(begin + hit.range.blocks() * run_.workload.block_tokens, a.cached_tokens);
    auto& tokens = hit.tier == 0 ? record_of(s).hit_g2_tokens
                                 : record_of(s).hit_beyond_tokens[static_cast<int>(offload_.beyond[hit.tier - 1].kind)];
    tokens += static_cast<std::int32_t>(std::max<std::int64_t>(0, end - begin));
    begin = end;
  }
}

// Pages to take so that the sequence holds its next `tokens` tokens.
std::int64_t Replica::chunk_pages(const Sequence& s, std::int64_t tokens) const {
  return std::max<std::int64_t>(0, pages_of_tokens(s.computed_tokens + tokens) - s.pages);
}

void Replica::begin_chunk(SequenceId id, std::int64_t tokens) {
  Sequence& s = sequence(id);
  const std::int64_t pages = chunk_pages(s, tokens);
  cache_.allocate(pages);
  s.pages += pages;
  s.chunk_tokens = static_cast<std::int32_t>(tokens);
  record_of(s).computed_tokens += tokens;
  budget_ -= tokens;
  chunks_.push_back(id);
  if (!s.load_in_step) adopt_blocks(s, s.computed_tokens + tokens);
}

// The sequence's prompt blocks that end within its first `tokens` tokens become
// resident: from here on others can share them, since whoever reads them is
// computed later (or in the same step behind them). Where another sequence was
// first, its copy is shared and the pages of this one are free again.
void Replica::adopt_blocks(Sequence& s, std::int64_t tokens) {
  const Turn& turn = turn_of(s);
  const bool all = tokens >= turn.prompt_tokens;
  const std::int64_t until = all ? turn.block_count : tokens / run_.workload.block_tokens;
  if (until <= s.referenced_blocks) return;
  for_each_range(run_.chains.prompt(s.turn), s.referenced_blocks, until, [&](BlockRange rest) {
    while (rest.first < rest.last) {
      const Residency::Stretch stretch = cache_.stretch(rest);
      const BlockRange part = rest.until(stretch.end);
      if (stretch.present) {
        cache_.reference(part);
        cache_.free(cache_.pages(part));
      } else {
        cache_.insert(part);
      }
      rest = rest.from(part.last);
    }
    return true;
  });
  s.referenced_blocks = static_cast<std::uint32_t>(until);
}

void Replica::mark_computed(const BlockRange& range) {
  std::fill_n(run_.computed.begin() + run_.chains[range.chain].first_place + range.first, range.blocks(), std::uint8_t{1});
}

// Counts what this prefill has computed that some replica had computed before.
void Replica::note_computed(const Sequence& s, std::int64_t from, std::int64_t to) {
  for_each_range(run_.chains.prompt(s.turn), from, to, [&](const BlockRange& r) {
    const Chain& chain = run_.chains[r.chain];
    const std::uint8_t* computed = run_.computed.data() + chain.first_place;
    const std::int64_t again = std::count(computed + r.first, computed + r.last, std::uint8_t{1});
    record_of(s).recomputed_tokens += again * run_.workload.block_tokens;
    if (r.last == chain.blocks && computed[r.last - 1]) record_of(s).recomputed_tokens -= run_.chains.missing_tokens(r.chain);
    mark_computed(r);
    return true;
  });
}

// A request that has been loaded but not scheduled gives its pages back and
// waits again; what it loaded stays in G1 until it is evicted.
bool Replica::release_newest_loaded() {
  if (loaded_.empty()) return false;
  const SequenceId id = loaded_.back();
  loaded_.pop_back();
  Sequence& s = sequence(id);
  if (s.lead_blocks > 0 && record_of(s).computed_tokens > 0) {  // what it computed while it loaded is lost
    ++record_of(s).preemptions;
    ++run_.result.preemptions;
  }
  give_up(s);
  s.phase = Sequence::Phase::waiting;
  note(Happening::release, s.turn);
  waiting_.push_front(id);
  memory_changed_ = true;
  return true;
}

void Replica::preempt_newest(Time at) {
  // But for those into whose pages a load still writes.
  auto newest = running_.end() - 1;
  while (sequence(*newest).pending_loads > 0) --newest;
  const SequenceId id = *newest;
  running_.erase(newest);
  Sequence& s = sequence(id);
  if (s.phase == Sequence::Phase::decoding) {
    s.pages = held_pages(s);
    s.generated_tokens = static_cast<std::int32_t>(decode_.context_of(s.bias)) - turn_of(s).prompt_tokens;
    s.target_tokens = turn_of(s).prompt_tokens + s.generated_tokens;
    decode_.leave(id, s.bias);
  }
  if (unfinished_ == id) {
    unfinished_ = kNone;
    if (s.lead_tokens > 0) {
      note_computed(s, s.cached_blocks - s.loading_blocks - s.lead_blocks, s.referenced_blocks);
    } else {
      note_computed(s, s.cached_blocks, s.referenced_blocks);
    }
  }
  give_up(s);
  s.phase = Sequence::Phase::waiting;
  note(Happening::preempt, s.turn);
  s.enter(Sequence::Part::queue, at, record_of(s));
  waiting_.push_front(id);
  ++record_of(s).preemptions;
  ++run_.result.preemptions;
  preempted_ = true;
  memory_changed_ = true;
}

void Replica::take_off(Time at) {
  BatchFeatures batch;
  batch.new_tokens = batch.samples = decodes() * (1 + engine_.speculation.draft_tokens);
  batch.decode_context = decodes_run_ ? decode_.context() : 0;
  for (SequenceId id : chunks_) {
    const Sequence& s = sequence(id);
    const std::int64_t n = s.chunk_tokens;
    batch.new_tokens += n;
    batch.samples += s.computed_tokens + n == s.target_tokens;
    batch.prefill_pairs += config_.step_times[0].pairs(n, s.computed_tokens);
  }
  if (prefills_alone_ && config_.handoff.layerwise) announce_last_steps();
  const unsigned copies = tier_ ? unsigned(loads_active()) | unsigned(stores_.active()) << 1 : 0u;
  if (run_.executor != nullptr) {
    hand_over(batch, copies, at);
    return;
  }
  note_batch(batch, copies);
  const StepTime& time = config_.step_times[copies];
  const std::int64_t chunk = chunks_.empty() ? 0 : sequence(chunks_.front()).chunk_tokens;
  std::int64_t step_ps = std::max<std::int64_t>(1, time(batch));
  std::int64_t growth_ps =
      time.context_ps * (decodes_run_ ? decode_.growth() : 0) + time.pair_ps * time.pairs_growth(chunk);
  std::int64_t steps = Time::max().count;
  if (engine_.speculation.draft_tokens > 0 && decodes() > 0) add_draft(copies, step_ps, growth_ps);
  if (engine_.overlap) steps = overlap_host(time.host_ps + time.host_sample_ps * batch.samples, step_ps, growth_ps);
  if (gate_.loads > 0) {
    gate_.step_ps = step_ps;
    gate_.start = at;
    next_event_ = Time::max();
    return;
  }
  flight_ = Flight(at, step_ps, growth_ps, std::min(steps, flight_steps()));
  next_event_ = flight_.end();
}

// The draft proposes its tokens one after the other, before the step verifies them.
void Replica::add_draft(unsigned copies, std::int64_t& step_ps, std::int64_t& growth_ps) const {
  const StepTime& draft = config_.draft_times[copies];
  step_ps += draft({decodes(), decodes(), decode_.context(), 0});
  growth_ps += draft.context_ps * decode_.growth();
}

// The host's part of a step that follows another is hidden behind that one, as far as that one is long enough: of
// host and device the longer counts. Returns how many steps on the same one is the longer.
std::int64_t Replica::overlap_host(std::int64_t host_ps, std::int64_t& step_ps, std::int64_t& growth_ps) const {
  if (!follows_step_) return 1;  // nothing to hide it behind
  const std::int64_t device_ps = step_ps - host_ps;
  step_ps = std::max({std::int64_t{1}, device_ps, host_ps});
  if (device_ps >= host_ps || growth_ps == 0) return Time::max().count;
  const std::int64_t steps = (host_ps - device_ps) / growth_ps + 1;
  growth_ps = 0;
  return steps;
}

// To the executor: the step is a flight that ends in the far future until it reports.
void Replica::hand_over(const BatchFeatures& batch, unsigned copies, Time at) {
  std::vector<StepPart> parts;
  for (SequenceId id : running_) {
    const Sequence& s = sequence(id);
    if (!decodes_run_ || s.phase != Sequence::Phase::decoding) continue;
    parts.push_back({id, s.turn, static_cast<std::int32_t>(s.bias + decode_.counter() - 1), 1, true, 0});
  }
  for (SequenceId id : chunks_) {
    const Sequence& s = sequence(id);
    parts.push_back({id, s.turn, s.computed_tokens, s.chunk_tokens, s.computed_tokens + s.chunk_tokens == s.target_tokens,
                     s.load_in_step ? s.pending_loads : 0});
  }
  run_.executor->start_step(parts, batch, copies, at);
  if (gate_.loads > 0) {
    gate_.start = at;
    next_event_ = Time::max();
    return;
  }
  flight_ = Flight(at, kUntilReported, 0, 1);
  next_event_ = flight_.end();
}

// How many steps the batch stays as it is, whatever happens outside.
std::int64_t Replica::flight_steps() const {
  if (config_.step_by_step || preempted_ || chunks_.size() > 1) return 1;
  if (!due_.empty()) return 1;  // stores that start at the next boundary
  if (limit_ == Limit::budget) return 1;  // what is cached of the head, and so what it needs, changes by the step
  // Decodes that come after admission may have taken back what a loaded request held: it is tried again.
  if (engine_.order == StepOrder::prefill_first && memory_changed_ && queued() > 0) return 1;
  if (unfinished_ != kNone) return 1;  // a prefill waits for pages: it is tried again at every step
  std::int64_t most = Time::max().count;
  if (decodes() > 0) most = decode_.steps_to_first_finish();
  const Sequence* prefill = nullptr;
  if (!chunks_.empty()) {
    if (budget_ > 0) return 1;  // the prefill gets all that it needs: its last chunk
    prefill = &sequences_[chunks_.front()];
    most = std::min<std::int64_t>(
        most, (prefill->stop_tokens() - prefill->computed_tokens - 1) / prefill->chunk_tokens);
  }
  if (most <= 1 || (prefill && shares_blocks_ahead(*prefill, most))) return 1;

  // With write-back, a step that would leave too few pages starts copies, and so ends the flight before it.
  const std::int64_t room =
      writes_back() ? std::min(cache_.free(), cache_.free() + leaving_pages_ - reserve_pages_) : cache_.available();
  const auto fits = [&](std::int64_t steps) {
    return (decodes_run_ ? decode_.pages(1, steps) : 0) + (prefill ? chunk_pages(*prefill, steps * prefill->chunk_tokens) : 0) <= room;
  };
  const std::int64_t prefill_pages = prefill ? chunk_pages(*prefill, most * prefill->chunk_tokens) : 0;
  if (decode_.most_pages(1, most) + prefill_pages <= room || fits(most)) return most;
  std::int64_t low = 1, high = most - 1;
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (fits(middle)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

// Sharing a block that is already there frees pages in mid-flight: such steps are taken one by one.
bool Replica::shares_blocks_ahead(const Sequence& s, std::int64_t steps) const {
  const std::int64_t until = (s.computed_tokens + steps * s.chunk_tokens) / run_.workload.block_tokens + 1;
  bool shares = false;
  for_each_range(run_.chains.prompt(s.turn), s.referenced_blocks,
                 std::min<std::int64_t>(until, turn_of(s).block_count), [&](const BlockRange& r) {
                   shares = cache_.any_resident(r);
                   return !shares;
                 });
  return shares;
}

void Replica::go_idle(Time at) {
  next_event_ = Time::max();
  idle_since_ = at;
  start_deferred(at, true);
  if (!received_.empty()) {  // whose place a preempted one had
    next_event_ = at;
    return;
  }
  const auto in_flight = [&] {
    return loads_active() || (tier_ && stores_.active()) || leaving_ > 0 || (decodes_alone_ && loading_ > 0);
  };
  if (in_flight() || queued() == 0) return;
  // Nothing runs and nothing is in flight: only what loaded requests hold can be in the way of the first.
  limit_ = Limit::none;
  budget_ = engine_.max_num_batched_tokens;
  while (loaded_.size() > 1) release_newest_loaded();
  admit(at);
  if (!chunks_.empty()) take_off(at);
  KVPLAN_ASSERT(!chunks_.empty() || in_flight());
}

}  // namespace kvplan

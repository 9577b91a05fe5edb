// Transfers between G1 and the tiers below. A load reads only blocks whose store has ended,
// and pins them; a store pins the blocks that it reads in G1.
#include <algorithm>

#include "sim/demotion.hpp"
#include "sim/replica.hpp"

namespace kvplan {

// Pages that can be had at once. With write-back an unreferenced block's page
// is free only when its content has left.
std::int64_t Replica::obtainable() const {
  return writes_back() ? cache_.free() : cache_.available();
}

bool Replica::can_obtain(std::int64_t pages, Time at) {
  return pages <= obtainable() || (writes_back() && make_clean(pages, at));
}

Transfer Replica::transfer_of(Ranges ranges) const {
  std::int64_t tokens = 0;
  for (const BlockRange& r : ranges) tokens += run_.chains.tokens(r);
  Transfer t;
  t.ranges = std::move(ranges);
  t.bytes_per_gpu = tokens * config_.kv_bytes_per_token_per_gpu;
  t.segments = ceil_div(t.bytes_per_gpu.count, offload_.segment.count);
  return t;
}

bool Replica::loads_active() const {
  return std::any_of(loads_.begin(), loads_.end(), [](const TransferQueue& q) { return q.active(); });
}

std::int64_t Replica::below_prefix_blocks(TurnId turn, std::int64_t from) {
  std::int64_t blocks = 0;
  hits_.clear();
  if (!tier_) return blocks;
  for_each_range(run_.chains.prompt(turn), from, run_.workload.turns[turn].block_count, [&](BlockRange rest) {
    while (rest.first < rest.last) {
      std::uint32_t tier = 0, until = rest.first;
      // Each block from the first tier that has it: a tier's stretch ends where one before it has the block.
      BlockRange open = rest;
      for (; tier < below_.tiers.size(); ++tier) {
        until = below_.tiers[tier]->resident_until(open);
        if (until > rest.first) break;
        open.last = below_.tiers[tier]->first_resident(open);
      }
      if (until == rest.first) return false;
      hits_.push_back({tier, rest.until(until)});
      blocks += until - rest.first;
      rest = rest.from(until);
    }
    return true;
  });
  return blocks;
}

// Loads what look_up() has found below, one transfer a tier.
void Replica::load(SequenceId id, Time at) {
  Sequence& s = sequence(id);
  for (std::uint32_t tier = 0; tier < loads_.size(); ++tier) {
    Ranges ranges;
    for (const Hit& hit : hits_) {
      if (hit.tier != tier) continue;
      below_.tiers[tier]->pin(hit.range);
      below_.tiers[tier]->count_read(tier_->bytes(hit.range));
      run_.result.loaded += tier_->bytes(hit.range);
      ranges.push_back(hit.range);
    }
    if (ranges.empty()) continue;
    Transfer transfer = transfer_of(std::move(ranges));
    transfer.sequence = id;
    transfer.segments = ceil_div(transfer.bytes_per_gpu.count, load_segment(offload_).count);
    if (tier > 0) {
      transfer.segments = 0;  // a block is an object of its own there
      for (const BlockRange& r : transfer.ranges) transfer.segments += r.blocks();
      if (offload_.promote) promote(transfer, at);
    }
    ++s.pending_loads;
    if (s.load_in_step) ++gate_.loads;
    if (loads_[tier].push(std::move(transfer), s.turn, run_.chains, at)) note_load_start(tier, at);
  }
}

// What comes from G3 or G4 passes through host memory, and stays there as far as there is room.
void Replica::promote(Transfer& load, Time at) {
  for (BlockRange rest : load.ranges) {
    while (rest.first < rest.last) {
      const Residency::Stretch stretch = tier_->stretch(rest);
      BlockRange part = rest.until(stretch.end);
      rest = rest.from(stretch.end);
      const std::int64_t blocks = stretch.present ? 0 : std::min(part.blocks(), tier_->obtainable_blocks());
      if (blocks == 0) continue;
      part.last = static_cast<std::uint32_t>(part.first + blocks);
      tier_->begin_store(part);
      tier_->count_written(tier_->bytes(part));
      load.promoted.push_back(part);
    }
  }
  tier_->come(load.promoted);
  make_reserve(at);
}

void Replica::load_ended(std::uint32_t tier, Time at) {
  ++run_.result.events;
  settle(at);
  const Transfer done = loads_[tier].pop(at);
  if (loads_[tier].active()) note_load_start(tier, at);
  for (std::size_t i = done.ranges.size(); i-- > 0;) below_.tiers[tier]->unpin(done.ranges[i]);
  arrived_in_g2(done.promoted, {at, false});
  Sequence& s = sequence(done.sequence);
  memory_changed_ = true;
  --s.pending_loads;
  if (s.lead_tokens > 0) {  // end_lead() goes on from here
    batch_may_change(at);
    return;
  }
  if (s.pending_loads == 0) take_loaded(s);
  if (s.load_in_step) {
    if (s.pending_loads == 0) {
      adopt_blocks(s, s.computed_tokens + s.chunk_tokens);
      note_loaded(done.sequence);
    }
    if (--gate_.loads == 0) open_gate(at);
    return;
  }
  if (s.pending_loads == 0) {
    note_loaded(done.sequence);
    s.phase = Sequence::Phase::loaded;
    note(Happening::loaded, s.turn);
    s.enter(Sequence::Part::queue, at, record_of(s));
    loaded_.push_back(done.sequence);
  }
  batch_may_change(at);  // an idle replica has waited for this load until here
  loading_ -= s.phase == Sequence::Phase::loaded;
}

void Replica::arrived_in_g2(const Ranges& ranges, const Use& use) {
  if (ranges.empty()) return;
  for (std::size_t i = ranges.size(); i-- > 0;) tier_->end_store(ranges[i]);
  for (std::size_t i = 0; i < below_.writers.size(); ++i) {
    WriteThrough& writer = *below_.writers[i];
    if (writer.policy() != StorePolicy::back) writer.offer(*tier_, *below_.tiers[i + 1], ranges, use, run_.result);
  }
  make_reserve(use.at);
}

// A prompt's blocks that have now been looked up often enough, for the tiers that wait for that.
void Replica::offer_looked_up(const Sequence& s, Time at) {
  Ranges prompt;
  for (const PrefixRun& run : run_.chains.prompt(s.turn)) prompt.push_back(run.range);
  for (std::size_t i = 0; i < below_.writers.size(); ++i) {
    WriteThrough& writer = *below_.writers[i];
    if (writer.policy() == StorePolicy::selective) {
      writer.offer(*tier_, *below_.tiers[i + 1], prompt, {at, false}, run_.result);
    }
  }
}

// The tier next to G2 may take what G2 evicts.
void Replica::make_reserve(Time at) {
  if (below_.writers.empty() || below_.writers.front()->policy() != StorePolicy::back) return;
  keep_reserve(*tier_, *below_.tiers[1], *below_.writers.front(), at, run_.result);
}

// A layer-wise load has begun to move: the step's compute can start when its first layer is there.
void Replica::note_load_start(std::uint32_t tier, Time at) {
  const TransferQueue& loads = loads_[tier];
  if (run_.executor != nullptr) return;  // whose layers wait for themselves
  if (!sequence(loads.current().sequence).load_in_step || offload_.load == LoadPolicy::in_step) return;
  const std::int64_t layers = config_.step_times[0].layers;
  gate_.compute_start =
      std::max(gate_.compute_start, below_.network->estimated_first_part(loads.route(), layers, at));
}

// The last layer of the last load is there: what is left of the step is known.
// With one load at a constant rate this is the pipeline's closed form,
// max(first layer's load + all compute, all load + last layer's compute);
// where all of a load comes before any compute, the latter with one layer.
void Replica::open_gate(Time at) {
  if (run_.executor != nullptr) {
    flight_ = Flight(gate_.start, kUntilReported, 0, 1);
    next_event_ = flight_.end();
    return;
  }
  const std::int64_t layers = load_parts(offload_, config_.step_times[0]);
  const Time compute(gate_.step_ps);
  const Time first_layer = std::min(gate_.compute_start, at);  // links that are free again can have been faster
  const Time end = std::max(std::max(gate_.start, first_layer) + compute, at + Time(ceil_div(gate_.step_ps, layers)));
  gate_.stall = end - gate_.start - compute;
  flight_ = Flight(gate_.start, (end - gate_.start).count, 0, 1);
  next_event_ = end;
}

void Replica::store_prompt(const Sequence& s, Time at) {
  if (!tier_ || writes_back()) return;
  const std::int64_t chunk = std::max<std::int64_t>(1, offload_.chunk_tokens / run_.workload.block_tokens);
  const std::int64_t full = turn_of(s).prompt_tokens / run_.workload.block_tokens;
  Ranges chosen;
  std::int64_t without_room = 0;
  tier_->announce({at, false});
  for_each_range(run_.chains.prompt(s.turn), 0, full / chunk * chunk, [&](const BlockRange& r) {
    choose_for_store(r, chosen, without_room);
    return true;
  });
  run_.result.skipped_stores += without_room;
  if (!chosen.empty()) send(std::move(chosen), false, at);
}

// The answer, with what the last whole chunk of the prompt left over.
void Replica::store_answer(const Sequence& s, std::int64_t kept, Time at) {
  if (!tier_ || writes_back() || kept == 0) return;
  const std::int64_t chunk = std::max<std::int64_t>(1, offload_.chunk_tokens / run_.workload.block_tokens);
  const std::int64_t full = turn_of(s).prompt_tokens / run_.workload.block_tokens;
  const std::int64_t until = (full + kept) / chunk * chunk;
  Ranges chosen;
  std::int64_t without_room = 0;
  tier_->announce({at, true});
  const auto choose = [&](const BlockRange& r) {
    choose_for_store(r, chosen, without_room);
    return true;
  };
  for_each_range(run_.chains.prompt(s.turn), full / chunk * chunk, std::min(full, until), choose);
  for_each_range(run_.chains.output(s.turn), 0, until - full, choose);
  run_.result.skipped_stores += without_room;
  if (!chosen.empty()) send(std::move(chosen), true, at);
}

// Takes room in G2 for what it lacks of a range. Once a block finds no room, none behind it is stored.
void Replica::choose_for_store(const BlockRange& range, Ranges& chosen, std::int64_t& without_room) {
  const bool selective = offload_.store == StorePolicy::selective;
  BlockRange rest = range;
  while (rest.first < rest.last && without_room == 0) {
    const Residency::Stretch stretch = tier_->stretch(rest);
    BlockRange part = rest.until(stretch.end);
    if (!stretch.present && selective) {
      const auto known = [&](std::uint32_t block) { return tier_->lookups(part.chain, block) >= offload_.selective_hits; };
      const bool wanted = known(part.first);
      std::uint32_t end = part.first + 1;
      while (end < part.last && known(end) == wanted) ++end;
      part = part.until(end);
      if (wanted) store_stretch(part, chosen, without_room);
    } else if (!stretch.present) {
      store_stretch(part, chosen, without_room);
    }
    rest = rest.from(part.last);
  }
  if (without_room > 0) without_room += rest.blocks();
}

void Replica::store_stretch(const BlockRange& range, Ranges& chosen, std::int64_t& without_room) {
  const std::int64_t blocks = std::min(range.blocks(), tier_->obtainable_blocks());
  without_room = range.blocks() - blocks;
  if (blocks == 0) return;
  const BlockRange part = range.until(static_cast<std::uint32_t>(range.first + blocks));
  tier_->begin_store(part);
  cache_.pin(part);
  chosen.push_back(part);
}

void Replica::send(Ranges ranges, bool answer, Time at) {
  Bytes bytes{0};
  for (const BlockRange& r : ranges) bytes += tier_->bytes(r);
  tier_->come(ranges);
  run_.result.stored += bytes;
  tier_->count_written(bytes);
  Transfer transfer = transfer_of(std::move(ranges));
  transfer.answer = answer;
  if (offload_.defer_stores && !writes_back()) {
    deferred_.push_back(std::move(transfer));
  } else {
    stores_.push(std::move(transfer), kNone, run_.chains, at);
  }
  make_reserve(at);
}

// Stores of the step before the one that has just ended start now; those of the latter too when no step follows.
void Replica::start_deferred(Time at, bool all) {
  for (Transfer& t : due_) stores_.push(std::move(t), kNone, run_.chains, at);
  due_.clear();
  std::swap(due_, deferred_);
  if (all && !due_.empty()) start_deferred(at, false);
}

void Replica::store_ended(Time at) {
  ++run_.result.events;
  settle(at);
  const Transfer done = stores_.pop(at);
  for (std::size_t i = done.ranges.size(); i-- > 0;) {
    if (writes_back()) {
      release_written(done.ranges[i]);
    } else {
      cache_.unpin(done.ranges[i]);
    }
  }
  arrived_in_g2(done.ranges, {at, done.answer});
  memory_changed_ = true;
  batch_may_change(at);
}

// Write-back: blocks whose content has left G1 leave it as well, unless somebody took them up meanwhile.
void Replica::release_written(const BlockRange& range) {
  leaving_pages_ -= cache_.pages(range);
  BlockRange rest = range;
  while (rest.first < rest.last) {
    const Residency::Stretch stretch = cache_.stretch(rest);
    const BlockRange part = rest.until(stretch.end);
    cache_.unpin(part);
    if (stretch.references == 1) cache_.evict(part);
    rest = rest.from(part.last);
  }
}

// Write-back: makes sure that `pages` pages are free or about to be, by evicting
// unreferenced blocks, the least recently used first; what G2 does not have is
// copied there first. True when that many are free already.
bool Replica::make_clean(std::int64_t pages, Time at) {
  if (cache_.free() + leaving_pages_ < pages) {
    const std::int64_t target = pages + reserve_pages_;
    tier_->announce({at, false});
    Ranges leaving;
    while (cache_.anything_unreferenced() && cache_.free() + leaving_pages_ < target) {
      clean_oldest(target - cache_.free() - leaving_pages_, leaving);
    }
    std::reverse(leaving.begin(), leaving.end());  // heads before tails, as with every transfer
    if (!leaving.empty()) send(std::move(leaving), false, at);
  }
  return cache_.free() >= pages;
}

// Takes blocks from the end of the least recently used stretch, at most as many
// as `pages` need, and either evicts them or starts to copy them to G2.
void Replica::clean_oldest(std::int64_t pages, Ranges& leaving) {
  const BlockRange oldest = cache_.next_to_go();
  BlockRange last = oldest.from(oldest.last - 1);
  const bool full = run_.chains.tokens(last) == run_.workload.block_tokens;
  const bool present = tier_->stretch(last).present;
  if (full) {
    const std::int64_t most = std::min(oldest.blocks(), ceil_div(pages, cache_.pages(last)));
    last.first = tier_->stretch_begin(oldest.from(static_cast<std::uint32_t>(oldest.last - most)));
  }
  const bool worthwhile = cache_.priority(last.chain, last.last - 1) >= config_.retention.store_from;
  if (!full || present || !worthwhile) {
    cache_.evict(last);
  } else if (const std::int64_t blocks = std::min(last.blocks(), tier_->obtainable_blocks()); blocks > 0) {
    last.first = static_cast<std::uint32_t>(last.last - blocks);
    tier_->begin_store(last, true);
    cache_.pin(last);
    leaving_pages_ += cache_.pages(last);
    leaving.push_back(last);
    return;
  } else {
    run_.result.skipped_stores += last.blocks();
    cache_.evict(last);
  }
  memory_changed_ = true;
}

// Something outside the batch has changed: whoever waits may get in at the next boundary.
void Replica::batch_may_change(Time at) {
  if (gate_.loads > 0) return;
  const bool waits = queued() > 0 || unfinished_ != kNone;
  if (flight_.active()) {
    if (waits || !chunks_.empty() || copies_slow_steps_ || writes_back()) {
      flight_.cut(at);
      next_event_ = flight_.end();
    }
  } else if (waits || !running_.empty()) {
    wake(at);
  }
}

}  // namespace kvplan

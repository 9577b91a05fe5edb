// Transfers between G1 and G2. A load reads only blocks whose store has ended,
// and pins them; a store pins the blocks that it reads in G1.
#include <algorithm>

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

Transfer Replica::transfer_of(std::vector<BlockId> blocks) const {
  std::int64_t tokens = 0;
  for (BlockId b : blocks) tokens += run_.workload.tokens_of_block[b];
  Transfer t;
  t.blocks = std::move(blocks);
  t.bytes_per_gpu = tokens * run_.config.kv_bytes_per_token_per_gpu;
  t.segments = ceil_div(t.bytes_per_gpu.count, offload_.segment.count);
  return t;
}

void Replica::load(SequenceId id, std::span<const BlockId> blocks, Time at) {
  for (BlockId b : blocks) {
    tier_->pin(b);
    run_.result.loaded += tier_->bytes(b);
  }
  Transfer transfer = transfer_of({blocks.begin(), blocks.end()});
  transfer.sequence = id;
  if (sequence(id).load_in_step) ++gate_.loads;
  if (loads_.push(std::move(transfer), at)) note_load_start(at);
}

void Replica::load_ended(Time at) {
  ++run_.result.events;
  settle(at);
  const Transfer done = loads_.pop(at);
  if (loads_.active()) note_load_start(at);
  for (std::size_t i = done.blocks.size(); i-- > 0;) tier_->unpin(done.blocks[i]);
  Sequence& s = sequence(done.sequence);
  adopt_blocks(s, (s.referenced_blocks + s.loading_blocks) * std::int64_t{run_.workload.block_tokens});
  s.loading_blocks = 0;
  memory_changed_ = true;
  if (s.load_in_step) {
    adopt_blocks(s, s.computed_tokens + s.chunk_tokens);
    if (--gate_.loads == 0) open_gate(at);
    return;
  }
  s.phase = Sequence::Phase::loaded;
  s.enter(Sequence::Part::queue, at, record_of(s));
  loaded_.push_back(done.sequence);
  batch_may_change(at);
  --loading_;
}

// A layer-wise load has begun to move: the step's compute can start when its first layer is there.
void Replica::note_load_start(Time at) {
  if (!sequence(loads_.current().sequence).load_in_step) return;
  const std::int64_t layers = run_.config.step_times[0].layers;
  gate_.compute_start =
      std::max(gate_.compute_start, network_->estimated_first_part(loads_.route(), layers, at));
}

// The last layer of the last load is there: what is left of the step is known.
// With one load at a constant rate this is the pipeline's closed form,
// max(first layer's load + all compute, all load + last layer's compute).
void Replica::open_gate(Time at) {
  const std::int64_t layers = run_.config.step_times[0].layers;
  const Time compute(gate_.step_ps);
  const Time end = std::max(std::max(gate_.start, gate_.compute_start) + compute,
                            at + Time(ceil_div(gate_.step_ps, layers)));
  gate_.stall = end - gate_.start - compute;
  flight_ = Flight(gate_.start, (end - gate_.start).count, 0, 1);
  next_event_ = end;
}

void Replica::store_prompt(const Sequence& s, Time at) {
  if (!tier_ || writes_back()) return;
  const std::int64_t chunk = std::max<std::int64_t>(1, offload_.chunk_tokens / run_.workload.block_tokens);
  const std::int64_t full = turn_of(s).prompt_tokens / run_.workload.block_tokens;
  store(run_.workload.blocks(turn_of(s)).first(full / chunk * chunk), at);
}

// The answer, with what the last whole chunk of the prompt left over.
void Replica::store_answer(const Sequence& s, std::span<const BlockId> kept, Time at) {
  if (!tier_ || writes_back() || kept.empty()) return;
  const std::int64_t chunk = std::max<std::int64_t>(1, offload_.chunk_tokens / run_.workload.block_tokens);
  const std::int64_t full = turn_of(s).prompt_tokens / run_.workload.block_tokens;
  const std::int64_t all = full + static_cast<std::int64_t>(kept.size());
  const std::int64_t stored = full / chunk * chunk;
  const auto prompt = run_.workload.blocks(turn_of(s)).subspan(stored, full - stored);
  std::vector<BlockId> blocks(prompt.begin(), prompt.end());
  blocks.insert(blocks.end(), kept.begin(), kept.end());
  blocks.resize(all / chunk * chunk - stored);
  store(blocks, at);
}

void Replica::store(std::span<const BlockId> blocks, Time at) {
  std::vector<BlockId> chosen;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const BlockId b = blocks[i];
    if (tier_->present(b)) continue;
    if (offload_.store == StorePolicy::selective && tier_->lookups(b) < offload_.selective_hits) continue;
    if (!tier_->begin_store(b)) {
      run_.result.skipped_stores += static_cast<std::int64_t>(blocks.size() - i);
      break;
    }
    cache_.reference(b);
    chosen.push_back(b);
  }
  if (!chosen.empty()) send(std::move(chosen), at);
}

void Replica::send(std::vector<BlockId> blocks, Time at) {
  for (BlockId b : blocks) run_.result.stored += tier_->bytes(b);
  stores_.push(transfer_of(std::move(blocks)), at);
}

void Replica::store_ended(Time at) {
  ++run_.result.events;
  settle(at);
  const Transfer done = stores_.pop(at);
  for (std::size_t i = done.blocks.size(); i-- > 0;) {
    const BlockId b = done.blocks[i];
    tier_->end_store(b);
    const bool leaves = writes_back() && cache_.only_reference(b);
    cache_.release(b);
    if (leaves) cache_.evict(b);
    if (writes_back()) leaving_pages_ -= cache_.pages(b);
  }
  memory_changed_ = true;
  batch_may_change(at);
}

// Write-back: makes sure that `pages` pages are free or about to be, by evicting
// unreferenced blocks, the least recently used first; what G2 does not have is
// copied there first. True when that many are free already.
bool Replica::make_clean(std::int64_t pages, Time at) {
  if (cache_.free() + leaving_pages_ < pages) {
    const std::int64_t target = pages + reserve_pages_;
    std::vector<BlockId> leaving;
    for (BlockId b = cache_.first_unreferenced(); b != kNone && cache_.free() + leaving_pages_ < target;) {
      const BlockId next = cache_.next_unreferenced(b);
      const bool full = run_.workload.tokens_of_block[b] == run_.workload.block_tokens;
      const bool dirty = full && !tier_->present(b);
      if (dirty && tier_->begin_store(b)) {
        cache_.reference(b);
        leaving_pages_ += cache_.pages(b);
        leaving.push_back(b);
      } else {
        run_.result.skipped_stores += dirty;
        cache_.evict(b);
        memory_changed_ = true;
      }
      b = next;
    }
    if (!leaving.empty()) send(std::move(leaving), at);
  }
  return cache_.free() >= pages;
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

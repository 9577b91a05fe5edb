// What moves between G1 and the tiers below, block by block.
#include <algorithm>

#include "validate/twin/replica.hpp"

namespace kvplan::twin {

void push(Queue& queue, Transfer transfer, Network& network, Time at) {
  queue.transfers.push_back(std::move(transfer));
  const Transfer& t = queue.transfers.back();
  if (queue.transfers.size() == 1) network.start(queue.number, *queue.route, t.bytes, t.segments, at);
}

Transfer pop(Queue& queue, Network& network, Time at) {
  Transfer done = std::move(queue.transfers.front());
  queue.transfers.pop_front();
  if (!queue.transfers.empty()) {
    const Transfer& t = queue.transfers.front();
    network.start(queue.number, *queue.route, t.bytes, t.segments, at);
  }
  return done;
}

// Blocks that the writer's tier lacks are written on, as far as there is room and not too much waits.
void write_on(Writer& writer, Tier& from, Tier& to, const Blocks& blocks, Run& run, Network& network,
              const Use& use) {
  const std::int64_t block_bytes = run.config.kv_bytes_per_token.count * run.load.block_tokens;
  Transfer t;
  t.from = &from;
  t.to = &to;
  to.announce(use);
  for (BlockId b : blocks) {
    if (to.has(b)) continue;
    if (!to.room() || writer.waiting + block_bytes > writer.most_waiting) {
      ++run.result.skipped_stores;
      continue;
    }
    to.begin_store(b);
    from.reference(b);
    writer.waiting += block_bytes;
    t.blocks.push_back(b);
  }
  if (t.blocks.empty()) return;
  to.come(t.blocks);
  const auto count = static_cast<std::int64_t>(t.blocks.size());
  run.result.written_beyond += Bytes(count * block_bytes);
  t.bytes = ceil_div(count * block_bytes, writer.streams);
  t.segments = count;
  push(writer.queue, std::move(t), network, use.at);
}

void write_ended(Writer& writer, Run& run, Network& network, Time at) {
  const Transfer done = pop(writer.queue, network, at);
  for (std::size_t i = done.blocks.size(); i-- > 0;) {
    done.to->end_store(done.blocks[i]);
    done.from->release(done.blocks[i]);
    writer.waiting -= run.config.kv_bytes_per_token.count * run.load.block_tokens;
  }
}

bool Replica::loads_active() const {
  return std::any_of(loads_.begin(), loads_.end(), [](const Queue& q) { return !q.transfers.empty(); });
}

std::int64_t Replica::bytes_per_gpu(const Blocks& blocks) const {
  std::int64_t tokens = 0;
  for (BlockId b : blocks) tokens += run_.load.tokens_of_block[b];
  return tokens * run_.config.kv_bytes_per_token_per_gpu.count;
}

std::int64_t Replica::load_segments(std::size_t tier, std::int64_t bytes, std::size_t blocks) const {
  return tier == 0 ? ceil_div(bytes, load_segment(run_.config.offload).count) : static_cast<std::int64_t>(blocks);
}

// One transfer a tier.
void Replica::load(Request& q, const Plan& p, Time at) {
  for (std::size_t tier = 0; tier < tiers_.size(); ++tier) {
    Transfer t;
    t.request = &q;
    for (std::size_t i = 0; i < p.below.size(); ++i) {
      if (p.below[i] == tier) t.blocks.push_back(q.prompt[p.g1 + i]);
    }
    if (t.blocks.empty()) continue;
    for (BlockId b : t.blocks) tiers_[tier]->reference(b);
    t.bytes = bytes_per_gpu(t.blocks);
    const auto count = static_cast<std::int64_t>(t.blocks.size());
    run_.result.loaded += Bytes(count * run_.load.block_tokens * run_.config.kv_bytes_per_token.count);
    t.segments = load_segments(tier, t.bytes, t.blocks.size());
    for (BlockId b : t.blocks) {
      if (tier == 0 || !run_.config.offload.promote || tiers_[0]->has(b) || !tiers_[0]->room()) continue;
      tiers_[0]->begin_store(b);
      t.promoted.push_back(b);
    }
    tiers_[0]->come(t.promoted);
    ++q.transfers;
    if (q.load_in_step) ++gate_loads_;
    push(loads_[tier], std::move(t), *network_, at);
    if (loads_[tier].transfers.size() == 1) note_load_start(tier, at);
  }
}

// The step can start to compute when the first layer of each of its loads is there.
void Replica::note_load_start(std::size_t tier, Time at) {
  const Queue& queue = loads_[tier];
  if (!queue.transfers.front().request->load_in_step || run_.config.offload.load == LoadPolicy::in_step) return;
  gate_compute_ = std::max(gate_compute_, network_->first_part(queue.number, run_.config.step_times[0].layers, at));
}

void Replica::load_ended(std::size_t tier, Time at) {
  const Transfer done = pop(loads_[tier], *network_, at);
  if (!loads_[tier].transfers.empty()) note_load_start(tier, at);
  for (std::size_t i = done.blocks.size(); i-- > 0;) tiers_[tier]->release(done.blocks[i]);
  arrived_in_g2(done.promoted, {at, false});
  Request& q = *done.request;
  memory_changed_ = true;
  const bool all = --q.transfers == 0;
  if (all) {
    std::int64_t tokens = 0;
    for (std::size_t i = 0; i < q.referenced + q.coming; ++i) tokens += run_.load.tokens_of_block[q.prompt[i]];
    adopt(q, tokens);
    q.coming = 0;
  }
  if (q.load_in_step) {
    if (all) adopt(q, q.computed + q.chunk);
    if (--gate_loads_ == 0) open_gate(at);
    return;
  }
  if (all) {
    q.phase = Request::Phase::loaded;
    enter(q, Request::Part::queue, at);
    loaded_.push_back(&q);
  }
  something_changed(at);
  if (all) --loading_;
}

// The last load of the step has ended: the last layer's compute follows it.
void Replica::open_gate(Time at) {
  const Time last_layer(ceil_div(gate_step_ps_, load_parts(run_.config.offload, run_.config.step_times[0])));
  const Time first_layer = std::min(gate_compute_, at);
  const Time end = std::max(std::max(gate_start_, first_layer) + Time(gate_step_ps_), at + last_layer);
  stall_ = end - gate_start_ - Time(gate_step_ps_);
  start_ = gate_start_;
  computing_ = true;
  next = end;
}

void Replica::arrived_in_g2(const Blocks& blocks, const Use& use) {
  for (std::size_t i = blocks.size(); i-- > 0;) tiers_[0]->end_store(blocks[i]);
  for (std::size_t i = 0; i < writers_.size(); ++i) {
    write_on(*writers_[i], *tiers_[0], *tiers_[i + 1], blocks, run_, *network_, use);
  }
}

// Blocks of a prompt or answer, in order, go to G2 as far as it lacks them; none behind the first without room.
void Replica::store(const Blocks& candidates, const Use& use) {
  tiers_[0]->announce(use);
  const bool selective = run_.config.offload.store == StorePolicy::selective;
  Blocks chosen;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const BlockId b = candidates[i];
    if (tiers_[0]->has(b)) continue;
    if (selective && tiers_[0]->lookups[b] < run_.config.offload.selective_hits) continue;
    if (!tiers_[0]->room()) {
      run_.result.skipped_stores += static_cast<std::int64_t>(candidates.size() - i);
      break;
    }
    tiers_[0]->begin_store(b);
    g1_.reference(b);
    chosen.push_back(b);
  }
  send(chosen, use);
}

void Replica::send(const Blocks& blocks, const Use& use) {
  if (blocks.empty()) return;
  tiers_[0]->come(blocks);
  Transfer t;
  t.blocks = blocks;
  t.answer = use.answer;
  t.bytes = bytes_per_gpu(blocks);
  t.segments = ceil_div(t.bytes, run_.config.offload.segment.count);
  run_.result.stored +=
      Bytes(static_cast<std::int64_t>(blocks.size()) * run_.load.block_tokens * run_.config.kv_bytes_per_token.count);
  push(stores_, std::move(t), *network_, use.at);
}

void Replica::store_ended(Time at) {
  const Transfer done = pop(stores_, *network_, at);
  for (std::size_t i = done.blocks.size(); i-- > 0;) {
    const BlockId b = done.blocks[i];
    g1_.release(b);
    if (!writes_back()) continue;
    leaving_pages_ -= g1_.pages(b);
    if (g1_.references(b) == 0) g1_.evict_block(b);
  }
  arrived_in_g2(done.blocks, {at, done.answer});
  memory_changed_ = true;
  something_changed(at);
}

bool Replica::can_obtain(std::int64_t pages, Time at) {
  return pages <= obtainable() || (writes_back() && make_clean(pages, at));
}

// Write-back: until enough pages are free or on their way out, the oldest unreferenced block goes: to G2, where
// that lacks it and has room.
bool Replica::make_clean(std::int64_t pages, Time at) {
  const std::int64_t wanted = pages + ceil_div(g1_.capacity, 64);
  Blocks leaving;
  const bool short_of_pages = g1_.free + leaving_pages_ < pages;
  if (short_of_pages) tiers_[0]->announce({at, false});
  while (short_of_pages && g1_.oldest() != kNone && g1_.free + leaving_pages_ < wanted) {
    const BlockId b = g1_.oldest();
    const bool worthwhile = run_.config.engine.eviction != Eviction::priority ||
                            g1_.rank_of(b) >= run_.config.retention.store_from;
    const bool stored = worthwhile && run_.load.tokens_of_block[b] == run_.load.block_tokens && !tiers_[0]->has(b);
    if (stored && tiers_[0]->room()) {
      tiers_[0]->begin_store(b);
      g1_.reference(b);
      leaving_pages_ += g1_.pages(b);
      leaving.insert(leaving.begin(), b);  // heads before tails, as with every transfer
      continue;
    }
    run_.result.skipped_stores += stored;
    g1_.evict_block(b);
    memory_changed_ = true;
  }
  send(leaving, {at, false});
  return g1_.free >= pages;
}

void Replica::something_changed(Time at) {
  if (gate_loads_ > 0 || computing_) return;
  if (queued() > 0 || unfinished_ || !running_.empty()) wake(at);
}

}  // namespace kvplan::twin

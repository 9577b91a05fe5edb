#include "validate/twin/replica.hpp"

#include <algorithm>

#include "validate/twin/step_time.hpp"

namespace kvplan::twin {

Replica::Replica(std::uint32_t id, Run& run, std::vector<Tier*> tiers, std::vector<Writer*> writers, Network* network,
                 const std::vector<Queue>& loads, const Queue& stores)
    : id_(id),
      run_(run),
      tiers_(std::move(tiers)),
      writers_(std::move(writers)),
      network_(network),
      loads_(loads),
      stores_(stores),
      g1_(run.config.engine.g1_pages.count, [this](BlockId b) { return pages_of(run_.load.tokens_of_block[b]); },
          order_of(run.config.engine.eviction, run.load, run.config.retention, run.past,
                   run.config.engine.g1_pages.count)) {}

void Replica::arrive(TurnId turn, Time at) {
  Request& q = requests_.emplace_back();
  q.turn = &run_.load.turns[turn];
  q.record = &run_.result.requests[turn];
  q.record->replica = id_;
  const auto blocks = run_.load.blocks(*q.turn);
  q.prompt.assign(blocks.begin(), blocks.end());
  q.target = q.turn->prompt_tokens;
  q.since = at;
  waiting_.push_back(&q);
  if (!computing_ && gate_loads_ == 0) wake(at);
}

void Replica::wake(Time at) {
  if (next == at) return;
  if (loading_ > 0) run_.result.gpu_waiting_for_load += TimeSum(at - idle_since_) * run_.config.gpus_per_replica;
  next = at;
}

void Replica::step(Time at) {
  if (computing_) finish(at);
  const std::uint32_t on_node = id_ % static_cast<std::uint32_t>(run_.config.replicas_per_node);
  network_->set_busy(on_node, true, at);
  compose(at);
  network_->set_busy(on_node, computing_ || gate_loads_ > 0, at);
}

std::vector<Request*> Replica::decoding() const {
  std::vector<Request*> all;
  for (Request* q : running_) {
    if (q->phase == Request::Phase::decoding) all.push_back(q);
  }
  return all;
}

void Replica::enter(Request& q, Request::Part part, Time at) {
  using Part = Request::Part;
  if (q.part == Part::done) return;
  if (q.part == Part::queue) q.record->queue += at - q.since;
  if (q.part == Part::load) q.record->load += at - q.since;
  if (q.part == Part::prefill) q.record->prefill += at - q.since;
  q.part = part;
  q.since = at;
}

void Replica::finish(Time at) {
  run_.result.gpu_busy += TimeSum(at - start_ - stall_) * run_.config.gpus_per_replica;
  run_.result.gpu_waiting_for_load += TimeSum(stall_) * run_.config.gpus_per_replica;
  ++run_.result.steps;
  computing_ = false;
  if (decodes_run_) {
    const auto all = decoding();
    for (Request* q : all) ++q->context;
    for (Request* q : all) {
      if (q->decodes_left() <= 0) complete(*q, at);
    }
  }
  for (Request* q : chunks_) {
    q->computed += q->chunk;
    q->chunk = 0;
    if (q->load_in_step && q->part == Request::Part::prefill) {
      q->record->load += stall_;
      q->since += stall_;
    }
    q->load_in_step = false;
    if (q->computed < q->target) {
      unfinished_ = q;
    } else {
      finish_prefill(*q, at);
    }
  }
  chunks_.clear();
  stall_ = Time(0);
  gate_compute_ = Time(0);
}

void Replica::finish_prefill(Request& q, Time at) {
  RequestRecord& r = *q.record;
  note_computed(q);
  if (q.part != Request::Part::done) {
    enter(q, Request::Part::done, at);
    r.first_token = at;
    if (r.computed_tokens > 0) {
      r.recompute = Time(static_cast<std::int64_t>(Wide(r.prefill.count) * r.recomputed_tokens / r.computed_tokens));
    }
  }
  r.recomputed_tokens += q.generated;
  if (!tiers_.empty() && !writes_back()) {
    const std::size_t chunk = std::max(1, run_.config.offload.chunk_tokens / run_.load.block_tokens);
    const std::size_t full = q.turn->prompt_tokens / run_.load.block_tokens;
    store(Blocks(q.prompt.begin(), q.prompt.begin() + static_cast<std::ptrdiff_t>(full / chunk * chunk)), {at, false});
  }
  q.phase = Request::Phase::decoding;
  q.context = q.target + 1;
  if (q.decodes_left() <= 0) complete(q, at);
}

void Replica::complete(Request& q, Time at) {
  const auto turn = static_cast<TurnId>(q.turn - run_.load.turns.data());
  run_.past.push_back({turn, at, true});
  const std::size_t kept = keep_answer(q);
  const auto answer = run_.load.outputs(*q.turn);
  if (!tiers_.empty() && !writes_back() && kept > 0) {
    const std::size_t chunk = std::max(1, run_.config.offload.chunk_tokens / run_.load.block_tokens);
    const std::size_t full = q.turn->prompt_tokens / run_.load.block_tokens;
    Blocks all(q.prompt.begin(), q.prompt.begin() + static_cast<std::ptrdiff_t>(full));
    all.insert(all.end(), answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(kept));
    all.resize(all.size() / chunk * chunk);
    if (all.size() > full / chunk * chunk) {
      store(Blocks(all.begin() + static_cast<std::ptrdiff_t>(full / chunk * chunk), all.end()), {at, true});
    }
  }
  g1_.announce({at, true});
  for (std::size_t i = kept; i-- > 0;) g1_.give(answer[i]);
  g1_.announce({at, false});
  give_up(q);
  running_.erase(std::find(running_.begin(), running_.end(), &q));
  q.record->finish = at;
  q.record->outcome = Outcome::completed;
  run_.ended.push_back(turn);
  memory_changed_ = true;
}

// The answer's full blocks take their names; how many do.
std::size_t Replica::keep_answer(Request& q) {
  const auto answer = run_.load.outputs(*q.turn);
  if (answer.empty()) return 0;
  if (q.turn->prompt_tokens % run_.load.block_tokens != 0) {
    if (g1_.references(q.prompt.back()) != 1) return 0;  // somebody else uses the partial block
    g1_.forget(q.prompt.back());
    --q.referenced;
  }
  std::size_t kept = 0;
  for (BlockId b : answer) {
    if (g1_.has(b)) {
      g1_.take(b);
    } else {
      if (q.pages - pages_of_blocks(q, q.referenced) < g1_.pages(b)) break;
      q.pages -= g1_.pages(b);
      g1_.insert(b, true);
    }
    run_.computed.insert(b);
    ++kept;
  }
  return kept;
}

std::int64_t Replica::pages_of_blocks(const Request& q, std::size_t blocks) const {
  std::int64_t pages = 0;
  for (std::size_t i = 0; i < blocks; ++i) pages += g1_.pages(q.prompt[i]);
  return pages;
}

void Replica::give_up(Request& q) {
  g1_.free += q.pages - pages_of_blocks(q, q.referenced);
  for (std::size_t i = q.referenced; i-- > 0;) g1_.give(q.prompt[i]);
  q.referenced = 0;
  q.pages = q.computed = 0;
}

void Replica::compose(Time at) {
  preempted_ = decodes_run_ = false;
  if (writes_back()) make_clean(ceil_div(g1_.capacity, 64), at);
  budget_ = run_.config.engine.max_num_batched_tokens;
  const bool prefill_first = run_.config.engine.order == StepOrder::prefill_first;
  if (prefill_first && !decodes_wait_) add_prefills(at);
  decodes_wait_ = chunks_.empty() && !add_decodes(at);
  if (decodes_wait_) return go_idle(at);
  if (!prefill_first) add_prefills(at);
  if (chunks_.empty() && (!decodes_run_ || decoding().empty())) return go_idle(at);
  take_off(at);
}

// Every decoding sequence takes one token. False when the step has to wait for pages that are being written back.
bool Replica::add_decodes(Time at) {
  const auto need = [&] {
    std::int64_t pages = 0;
    for (Request* q : decoding()) pages += pages_of(q->context) - pages_of(q->context - 1);
    return pages;
  };
  while (!can_obtain(need(), at)) {
    if (release_newest_loaded()) continue;
    if (leaving_pages_ > 0) return false;
    preempt_newest(at);
  }
  g1_.allocate(need());
  for (Request* q : decoding()) q->pages += pages_of(q->context) - pages_of(q->context - 1);
  budget_ -= static_cast<std::int64_t>(decoding().size());
  decodes_run_ = true;
  return true;
}

// The unfinished prefill, then those who wait.
void Replica::add_prefills(Time at) {
  if (unfinished_) {
    Request& q = *unfinished_;
    const std::int64_t tokens = std::min(q.target - q.computed, budget_);
    bool fits = tokens > 0;
    while (fits && !can_obtain(chunk_pages(q, tokens), at)) {
      if (release_newest_loaded()) continue;
      if (leaving_pages_ == 0) preempt_newest(at);  // itself
      fits = false;
    }
    if (fits) {
      begin_chunk(q, tokens);
      unfinished_ = nullptr;
    }
  }
  if (!preempted_) admit(at);
}

bool Replica::full() const {
  return budget_ <= 0 || static_cast<std::int64_t>(running_.size()) >= run_.config.engine.max_num_seqs || unfinished_;
}

void Replica::admit(Time at) {
  if (head_blocked_ && !memory_changed_) return;
  head_blocked_ = memory_changed_ = false;
  while (!full() && !(loaded_.empty() && waiting_.empty())) {
    auto& queue = loaded_.empty() ? waiting_ : loaded_;
    Request& q = *queue.front();
    if (run_.config.engine.whole_prompts) {
      const Plan p = plan(q, at);
      const std::int64_t tokens = q.target - p.cached_tokens;
      if (!p.waits && tokens > budget_ && tokens <= run_.config.engine.max_num_batched_tokens) return;
    }
    if (!try_admit(q, at)) {
      head_blocked_ = true;
      memory_changed_ = false;
      return;
    }
    queue.pop_front();
  }
}

std::int64_t Replica::chunk_pages(const Request& q, std::int64_t tokens) const {
  return std::max<std::int64_t>(0, pages_of(q.computed + tokens) - q.pages);
}

void Replica::begin_chunk(Request& q, std::int64_t tokens) {
  const std::int64_t pages = chunk_pages(q, tokens);
  g1_.allocate(pages);
  q.pages += pages;
  q.chunk = tokens;
  q.record->computed_tokens += tokens;
  budget_ -= tokens;
  chunks_.push_back(&q);
  if (!q.load_in_step) adopt(q, q.computed + tokens);
}

// Blocks that end within the first `tokens` tokens become resident, or are shared where another was first.
void Replica::adopt(Request& q, std::int64_t tokens) {
  std::int64_t end = 0;
  for (std::size_t i = 0; i < q.prompt.size(); ++i) {
    end += run_.load.tokens_of_block[q.prompt[i]];
    if (end > tokens) break;
    if (i < q.referenced) continue;
    if (g1_.has(q.prompt[i])) {
      g1_.take(q.prompt[i]);
      g1_.free += g1_.pages(q.prompt[i]);
    } else {
      g1_.insert(q.prompt[i], true);
    }
    q.referenced = i + 1;
  }
}

void Replica::note_computed(Request& q) {
  for (std::size_t i = q.cached; i < q.referenced; ++i) {
    if (!run_.computed.insert(q.prompt[i]).second) {
      q.record->recomputed_tokens += run_.load.tokens_of_block[q.prompt[i]];
    }
  }
}

bool Replica::release_newest_loaded() {
  if (loaded_.empty()) return false;
  Request* q = loaded_.back();
  loaded_.pop_back();
  give_up(*q);
  q->phase = Request::Phase::waiting;
  waiting_.push_front(q);
  memory_changed_ = true;
  return true;
}

void Replica::preempt_newest(Time at) {
  Request& q = *running_.back();
  running_.pop_back();
  if (q.phase == Request::Phase::decoding) {
    q.generated = q.context - q.turn->prompt_tokens;
    q.target = q.context;
  }
  if (unfinished_ == &q) {
    unfinished_ = nullptr;
    note_computed(q);
  }
  give_up(q);
  q.phase = Request::Phase::waiting;
  enter(q, Request::Part::queue, at);
  waiting_.push_front(&q);
  ++q.record->preemptions;
  ++run_.result.preemptions;
  preempted_ = memory_changed_ = true;
}

void Replica::take_off(Time at) {
  std::int64_t tokens = 0, samples = 0, context = 0, pairs = 0;
  if (decodes_run_) {
    for (Request* q : decoding()) {
      ++tokens;
      ++samples;
      context += q->context;
    }
  }
  for (Request* q : chunks_) {
    tokens += q->chunk;
    samples += q->computed + q->chunk == q->target;
    pairs += pairs_of(run_.config.step_times[0], q->computed, q->computed + q->chunk);
  }
  const bool storing = !stores_.transfers.empty();
  const StepTime& time = run_.config.step_times[(loads_active() ? 1 : 0) + (storing ? 2 : 0)];
  const std::int64_t takes_ps = std::max<std::int64_t>(1, step_ps(time, tokens, samples, context, pairs));
  if (gate_loads_ > 0) {
    gate_step_ps_ = takes_ps;
    gate_start_ = at;
    next = Time::max();
    return;
  }
  computing_ = true;
  start_ = at;
  next = at + Time(takes_ps);
}

void Replica::go_idle(Time at) {
  next = Time::max();
  idle_since_ = at;
  const auto in_flight = [&] { return loads_active() || !stores_.transfers.empty(); };
  if (in_flight() || queued() == 0) return;
  head_blocked_ = false;
  budget_ = run_.config.engine.max_num_batched_tokens;
  while (loaded_.size() > 1) release_newest_loaded();
  admit(at);
  if (!chunks_.empty()) take_off(at);
}

}  // namespace kvplan::twin

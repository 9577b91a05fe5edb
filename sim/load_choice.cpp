#include "sim/load_choice.hpp"

#include <algorithm>

#include "sim/replica.hpp"

namespace kvplan {

// Steps of the whole budget, beside the present decodes, that compute so many prompt tokens.
Time Replica::estimated_steps(std::int64_t tokens, std::int64_t pairs) const {
  const bool beside_decodes = engine_.order == StepOrder::mixed;
  const std::int64_t decodes = beside_decodes ? decode_.size() : 0;
  const std::int64_t rows = decodes * (1 + engine_.speculation.draft_tokens);
  const std::int64_t budget = std::max<std::int64_t>(1, engine_.max_num_batched_tokens - rows);
  const std::int64_t full = (tokens - 1) / budget, rest = tokens - full * budget;
  const StepTime& time = config_.step_times[0];
  BatchFeatures step;
  step.new_tokens = budget + rows;
  step.samples = rows;
  step.decode_context = beside_decodes ? decode_.context() : 0;
  const std::int64_t draft = rows > decodes ? config_.draft_times[0]({decodes, decodes, step.decode_context, 0}) : 0;
  std::int64_t ps = full > 0 ? full * (time(step) + draft) : 0;
  step.new_tokens = rest + rows;
  step.prefill_pairs = pairs;
  return Time(ps + time(step) + draft);
}

// Of tokens [from, to) of a prompt.
Time Replica::estimated_prefill(std::int64_t from, std::int64_t to) const {
  if (from >= to) return Time(0);
  const std::int64_t tokens = to - from;
  return estimated_steps(tokens, config_.step_times[0].pairs(tokens, from));
}

// That the requests here have still to compute before another one's turn comes.
std::int64_t Replica::prompt_tokens_ahead(const std::vector<std::int64_t>& to_compute) const {
  std::int64_t tokens = 0;
  const auto rest = [&](SequenceId id) { return sequences_[id].target_tokens - sequences_[id].computed_tokens; };
  for (SequenceId id : waiting_) tokens += to_compute[sequences_[id].turn];
  for (SequenceId id : loaded_) tokens += rest(id);
  for (SequenceId id : chunks_) tokens += rest(id);
  return unfinished_ == kNone ? tokens : tokens + rest(unfinished_);
}

FirstTokenEstimate Replica::estimated_first_token(TurnId turn, const std::vector<std::int64_t>& to_compute, Time at) {
  const std::int64_t block = run_.workload.block_tokens, prompt = run_.workload.turns[turn].prompt_tokens;
  const std::int64_t useful = (prompt - 1) / engine_.page_tokens * engine_.page_tokens;
  const std::int64_t g1 = g1_prefix_blocks(turn), below = below_prefix_blocks(turn, g1);
  const auto from = [&](std::int64_t blocks) { return std::min(blocks * block, useful); };
  FirstTokenEstimate e{estimated_prefill(from(g1), prompt), prompt - from(g1)};
  if (below > 0 && offload_.choice != LoadChoice::recompute) {
    const Time loaded = estimated_load(0, at) + estimated_prefill(from(g1 + below), prompt);
    if (offload_.choice == LoadChoice::load || loaded < e.time) e = {loaded, prompt - from(g1 + below)};
  }
  const std::int64_t ahead = prompt_tokens_ahead(to_compute);
  if (ahead > 0) e.time += estimated_steps(ahead, 0);
  return e;
}

// Until the hits from their block number `from` on would be loaded.
Time Replica::estimated_load(std::int64_t from, Time at) const {
  Time longest{0};
  for (std::uint32_t tier = 0; tier < loads_.size(); ++tier) {
    std::int64_t blocks = 0, begin = 0;
    for (const Hit& hit : hits_) {
      const std::int64_t end = begin + hit.range.blocks();
      if (hit.tier == tier) blocks += std::max<std::int64_t>(0, end - std::max(begin, from));
      begin = end;
    }
    if (blocks == 0) continue;
    const Bytes bytes = blocks * run_.workload.block_tokens * config_.kv_bytes_per_token_per_gpu;
    const std::int64_t segments = tier == 0 ? ceil_div(bytes.count, load_segment(offload_).count) : blocks;
    longest = std::max(longest, loads_[tier].estimated_end(bytes, segments, at) - at);
  }
  return longest;
}

LoadDecision Replica::choose_load(const Sequence& s, const Admission& a, Time at) const {
  const std::int64_t block = run_.workload.block_tokens, first = a.g1 * block;
  const std::int64_t end = s.target_tokens;
  const auto behind = [&](std::int64_t blocks) { return first + blocks * block; };
  const Time rest = estimated_prefill(a.cached_tokens, end);
  const auto time = [&](std::int64_t computed) {
    if (computed == a.below) return estimated_prefill(first, end);
    return std::max(estimated_prefill(first, behind(computed)), estimated_load(computed, at)) + rest;
  };
  LoadDecision d;
  d.all_loaded = time(0);
  d.all_computed = time(a.below);
  d.chosen = d.all_loaded;
  const auto consider = [&](std::int64_t computed, Time needs) {
    if (needs < d.chosen) d.computed_blocks = computed, d.chosen = needs;
  };
  if (offload_.choice == LoadChoice::recompute) {
    d.computed_blocks = a.below;
    d.chosen = d.all_computed;
    return d;
  }
  if (offload_.choice == LoadChoice::partial) {
    // The more is computed, the later that ends and the earlier the load does: the two cross once. What is loaded has
    // to be of use: the last page is computed anyway.
    const std::int64_t splits = ceil_div(a.cached_tokens - first, block);
    std::int64_t low = 0, high = splits;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      const bool load_ends_first = estimated_prefill(first, behind(middle)) >= estimated_load(middle, at);
      (load_ends_first ? high : low) = middle + (load_ends_first ? 0 : 1);
    }
    if (low > 0) consider(low - 1, time(low - 1));
    if (low < splits) consider(low, time(low));
  }
  consider(a.below, d.all_computed);
  return d;
}

// Takes the blocks that are to be computed out of the hits.
void Replica::apply(const LoadDecision& d, Admission& a) {
  a.decision = d;
  a.offered = a.below;
  std::int64_t out = d.computed_blocks;
  for (Hit& hit : hits_) {
    const std::int64_t n = std::min(out, hit.range.blocks());
    hit.range.first += static_cast<std::uint32_t>(n);
    out -= n;
  }
  std::erase_if(hits_, [](const Hit& hit) { return hit.range.blocks() == 0; });
  if (d.computed_blocks == a.below) {
    a.below = 0;
  } else {
    a.lead = d.computed_blocks;
  }
}

// The leading part is computed: goes on when the rest is there. Whoever waits for it leaves the batch.
void Replica::end_lead(SequenceId id, Time at) {
  Sequence& s = sequence(id);
  s.lead_tokens = 0;
  note(Happening::lead_end, s.turn, s.pending_loads > 0);
  running_.erase(std::find(running_.begin(), running_.end(), id));
  if (s.pending_loads > 0) {
    s.phase = Sequence::Phase::loading;
    s.enter(Sequence::Part::load, at, record_of(s));
    ++loading_;
    return;
  }
  take_loaded(s);
  note_loaded(id);
  s.phase = Sequence::Phase::loaded;
  s.enter(Sequence::Part::queue, at, record_of(s));
  loaded_.push_back(id);
  memory_changed_ = true;
}

// What was loaded becomes resident behind what was there or computed.
void Replica::take_loaded(Sequence& s) {
  adopt_blocks(s, (s.referenced_blocks + s.loading_blocks) * std::int64_t{run_.workload.block_tokens});
  s.loading_blocks = 0;
  s.computed_tokens = s.resume_tokens;
}

}  // namespace kvplan

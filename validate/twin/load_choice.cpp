// What is estimated to end first: whether a request loads what the tiers below hold of its prompt or computes it again,
// and when its first token would come out here.
#include <algorithm>

#include "validate/twin/replica.hpp"
#include "validate/twin/step_time.hpp"

namespace kvplan::twin {

// Of tokens [from, to) of a prompt.
std::int64_t Replica::estimated_prefill_ps(std::int64_t from, std::int64_t to) const {
  return estimated_steps_ps(to - from, pairs_of(run_.config.step_times[0], from, to));
}

// In steps of the whole budget beside the present decodes.
std::int64_t Replica::estimated_steps_ps(std::int64_t tokens, std::int64_t pairs) const {
  std::int64_t decodes = 0, context = 0, ps = 0;
  if (run_.config.engine.order == StepOrder::mixed) {
    for (Request* q : decoding()) ++decodes, context += q->context;
  }
  const std::int64_t budget = std::max<std::int64_t>(1, run_.config.engine.max_num_batched_tokens - decodes);
  for (std::int64_t left = tokens; left > 0; left -= budget) {
    const bool last = left <= budget;
    ps += step_ps(run_.config.step_times[0], std::min(left, budget) + decodes, decodes, context, last ? pairs : 0);
  }
  return ps;
}

// Behind what is queued on each tier's way, at the fair share of one more flow.
Time Replica::estimated_load(const Blocks& prompt, std::size_t from, const std::vector<std::size_t>& tiers,
                             Time at) const {
  Time longest{0};
  for (std::size_t tier = 0; tier < tiers_.size(); ++tier) {
    Blocks blocks;
    for (std::size_t i = 0; i < tiers.size(); ++i) {
      if (tiers[i] == tier) blocks.push_back(prompt[from + i]);
    }
    if (blocks.empty()) continue;
    const Queue& queue = loads_[tier];
    Time end = at;
    for (const Transfer& t : queue.transfers) {
      const bool in_flight = &t == &queue.transfers.front();
      if (in_flight) end = std::max(at, network_->estimated_end(queue.number));
      if (!in_flight) end += network_->estimated_time(queue.number, *queue.route, t.bytes, t.segments);
    }
    const std::int64_t bytes = bytes_per_gpu(blocks);
    const std::int64_t segments = load_segments(tier, bytes, blocks.size());
    longest = std::max(longest, end + network_->estimated_time(queue.number, *queue.route, bytes, segments) - at);
  }
  return longest;
}

bool Replica::computes_again(const Request& q, const Plan& p, Time at) const {
  const LoadChoice choice = run_.config.offload.choice;
  if (p.below.empty() || choice == LoadChoice::load) return false;
  if (choice == LoadChoice::recompute) return true;
  KVPLAN_ASSERT(choice == LoadChoice::cheaper);  // to do both at once it does not know
  const std::int64_t first = static_cast<std::int64_t>(p.g1) * run_.load.block_tokens;
  const Time loaded = estimated_load(q.prompt, p.g1, p.below, at);
  return estimated_prefill_ps(first, q.target) < loaded.count + estimated_prefill_ps(p.cached_tokens, q.target);
}

// `expected`: what prompts that wait were thought to compute, when they were sent here.
Replica::FirstToken Replica::first_token(const Turn& turn, const std::map<TurnId, std::int64_t>& expected, Time at) const {
  const auto blocks = run_.load.blocks(turn);
  const Blocks prompt(blocks.begin(), blocks.end());
  const std::size_t g1 = g1_hits(prompt);
  const std::vector<std::size_t> below = hits_below(prompt, g1);
  const std::int64_t page = run_.config.engine.page_tokens;
  const auto from = [&](std::size_t hits) {
    return std::min<std::int64_t>(static_cast<std::int64_t>(hits) * run_.load.block_tokens,
                                  (turn.prompt_tokens - 1) / page * page);
  };
  const LoadChoice choice = run_.config.offload.choice;
  FirstToken e{Time(estimated_prefill_ps(from(g1), turn.prompt_tokens)), turn.prompt_tokens - from(g1)};
  if (!below.empty() && choice != LoadChoice::recompute) {
    const std::int64_t behind = from(g1 + below.size());
    const Time loaded =
        estimated_load(prompt, g1, below, at) + Time(estimated_prefill_ps(behind, turn.prompt_tokens));
    if (choice == LoadChoice::load || loaded < e.time) e = {loaded, turn.prompt_tokens - behind};
  }
  std::int64_t ahead = 0;
  for (const Request* q : waiting_) ahead += expected.at(static_cast<TurnId>(q->turn - run_.load.turns.data()));
  std::vector<const Request*> begun(loaded_.begin(), loaded_.end());
  begun.insert(begun.end(), chunks_.begin(), chunks_.end());
  if (unfinished_) begun.push_back(unfinished_);
  for (const Request* q : begun) ahead += q->target - q->computed;
  e.time += Time(estimated_steps_ps(ahead, 0));
  return e;
}

}  // namespace kvplan::twin

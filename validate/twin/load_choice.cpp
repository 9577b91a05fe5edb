// Whether a request loads what the tiers below hold of its prompt, or computes it again: what is estimated to end first.
#include <algorithm>

#include "validate/twin/replica.hpp"

namespace kvplan::twin {

// Of tokens [from, to) of a prompt, in steps of the whole budget beside the present decodes.
std::int64_t Replica::estimated_prefill_ps(std::int64_t from, std::int64_t to) const {
  std::int64_t decodes = 0, context = 0, pairs = 0, ps = 0;
  if (run_.config.engine.order == StepOrder::mixed) {
    for (Request* q : decoding()) ++decodes, context += q->context;
  }
  for (std::int64_t i = from + 1; i <= to; ++i) pairs += i;
  const std::int64_t budget = std::max<std::int64_t>(1, run_.config.engine.max_num_batched_tokens - decodes);
  for (std::int64_t left = to - from; left > 0; left -= budget) {
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

}  // namespace kvplan::twin

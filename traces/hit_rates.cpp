#include "traces/hit_rates.hpp"

#include <algorithm>

#include "base/parallel.hpp"
#include "traces/policies/policy.hpp"

namespace kvplan {
namespace {

HitRates rates_of(const Workload& w, std::int64_t hit_tokens, std::int64_t hit_blocks) {
  std::int64_t tokens = 0;
  for (const Turn& turn : w.turns) tokens += turn.prompt_tokens;
  const auto share = [](std::int64_t part, std::int64_t of) {
    return of == 0 ? 0 : static_cast<double>(part) / static_cast<double>(of);
  };
  return {share(hit_tokens, tokens), share(hit_blocks, static_cast<std::int64_t>(w.prompt_blocks.size()))};
}

HitRates simulate(const Workload& w, const PolicyEntry& policy, std::int64_t capacity, TouchOrder order) {
  if (capacity == 0) return {};
  const auto cache = policy.make({w, std::min<std::int64_t>(capacity, w.block_count()), order});
  std::int64_t hit_tokens = 0, hit_blocks = 0;
  for (const Turn& turn : w.turns) {
    const auto blocks = w.blocks(turn);
    for (const BlockId block : blocks) {
      if (!cache->holds(block)) break;
      hit_tokens += w.tokens_of_block[block];
      ++hit_blocks;
    }
    cache->touch(blocks, turn.first_block);
  }
  return rates_of(w, hit_tokens, hit_blocks);
}

}  // namespace

std::vector<HitRates> simulated_hit_rates(const Workload& w, const std::string& policy,
                                          std::span<const std::int64_t> capacities, TouchOrder order,
                                          unsigned threads) {
  const PolicyEntry& entry = policy_named(policy);
  std::vector<HitRates> rates(capacities.size());
  if (w.block_count() == 0) return rates;
  for_each_index(rates.size(), static_cast<int>(threads),
                 [&](std::size_t c) { rates[c] = simulate(w, entry, capacities[c], order); });
  return rates;
}

std::vector<HitRates> hit_rates(const Workload& w, const std::string& policy, std::span<const std::int64_t> capacities,
                                TouchOrder order, unsigned threads) {
  if (policy != "lru") return simulated_hit_rates(w, policy, capacities, order, threads);
  const HitCurve curve = lru_hit_curve(w, order);
  std::vector<HitRates> rates;
  for (const std::int64_t c : capacities) rates.push_back({curve.token_hit_rate(c), curve.block_hit_rate(c)});
  return rates;
}

}  // namespace kvplan

#include "traces/hit_rates.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include "base/error.hpp"
#include "base/random.hpp"
#include "traces/policies/policy.hpp"
#include "traces/rearrange.hpp"

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

// The chain that a turn's prompt belongs to, below what more than half of all turns share: its first block there. Turns
// of different chains share nothing but that common head.
std::vector<BlockId> chains_of_turns(const Workload& w) {
  std::vector<std::size_t> uses(w.block_count(), 0);
  for (const BlockId block : w.prompt_blocks) ++uses[block];
  std::vector<BlockId> chains;
  for (const Turn& turn : w.turns) {
    const auto blocks = w.blocks(turn);
    const auto own =
        std::find_if(blocks.begin(), blocks.end(), [&](BlockId block) { return uses[block] * 2 <= w.turns.size(); });
    chains.push_back(own == blocks.end() ? kNone : *own);
  }
  return chains;
}

// The turns of the chains whose hash, uniform in [0, 1), lies in [low, high).
Workload chains_between(const Workload& w, const std::vector<BlockId>& chains, double low, double high,
                        std::uint64_t seed) {
  std::vector<Placement> kept;
  for (const Placement& p : placements_of(w)) {
    const std::uint64_t bits = SplitMix64(SplitMix64(seed)() ^ chains[p.source])();
    const double hash = static_cast<double>(bits >> 11) * 0x1p-53;
    if (hash >= low && hash < high) kept.push_back({p.source, 0, p.at, {p.at}});
  }
  return rearrange(w, kept);
}

double square(double x) { return x * x; }

}  // namespace

std::vector<HitRates> simulated_hit_rates(const Workload& w, const std::string& policy,
                                          std::span<const std::int64_t> capacities, TouchOrder order,
                                          unsigned threads) {
  const PolicyEntry& entry = policy_named(policy);
  std::vector<HitRates> rates(capacities.size());
  if (w.block_count() == 0) return rates;
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> workers;
  for (unsigned i = 0; i < std::max(1u, std::min<unsigned>(threads, static_cast<unsigned>(rates.size()))); ++i) {
    workers.emplace_back([&] {
      for (std::size_t c = next++; c < rates.size(); c = next++) rates[c] = simulate(w, entry, capacities[c], order);
    });
  }
  workers.clear();  // joins
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

SampledHitRates sampled_hit_rates(const Workload& w, const std::string& policy,
                                  std::span<const std::int64_t> capacities, TouchOrder order, unsigned threads,
                                  double rate, std::uint64_t seed) {
  KVPLAN_ASSERT(rate > 0 && rate <= 0.5);
  const auto samples = static_cast<std::int64_t>(std::clamp(1 / rate + 1e-9, 1.0, 8.0));
  SampledHitRates result;
  result.samples = samples;
  result.mean.resize(capacities.size());
  result.standard_error.resize(capacities.size());
  const std::vector<BlockId> chains = chains_of_turns(w);
  std::int64_t all_tokens = 0;
  for (const Turn& turn : w.turns) all_tokens += turn.prompt_tokens;
  std::vector<std::vector<HitRates>> each;
  for (std::int64_t s = 0; s < samples; ++s) {
    const double low = static_cast<double>(s) * rate;
    const Workload part = chains_between(w, chains, low, low + rate, seed);
    std::int64_t tokens = 0;
    for (const Turn& turn : part.turns) tokens += turn.prompt_tokens;
    const double share = all_tokens == 0 ? 0 : static_cast<double>(tokens) / static_cast<double>(all_tokens);
    result.token_share += share / static_cast<double>(samples);
    std::vector<std::int64_t> scaled;
    for (const std::int64_t c : capacities)
      scaled.push_back(std::llround(std::min(static_cast<double>(c) * share, 4e18)));
    each.push_back(hit_rates(part, policy, scaled, order, threads));
  }
  const double n = static_cast<double>(samples);
  for (std::size_t c = 0; c < capacities.size(); ++c) {
    HitRates& mean = result.mean[c];
    HitRates& error = result.standard_error[c];
    for (const auto& rates : each) mean.tokens += rates[c].tokens / n, mean.blocks += rates[c].blocks / n;
    for (const auto& rates : each) {
      error.tokens += square(rates[c].tokens - mean.tokens);
      error.blocks += square(rates[c].blocks - mean.blocks);
    }
    error = {std::sqrt(error.tokens / (n - 1) / n), std::sqrt(error.blocks / (n - 1) / n)};
  }
  return result;
}

}  // namespace kvplan

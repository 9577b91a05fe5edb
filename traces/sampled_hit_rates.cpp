#include "traces/sampled_hit_rates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"

namespace kvplan {
namespace {

double square(double x) { return x * x; }

// Of all prompt tokens (or blocks), `total` of which `hashed` can be hit, from the hits in a sample that has `sampled`
// of them and should have the share `rate`.
double adjusted(double hit_share, double sampled, double rate, double hashed, double total) {
  const double expected = rate * hashed;
  if (expected <= 0 || total <= 0) return 0;
  return std::clamp((hit_share * sampled + expected - sampled) / expected, 0.0, 1.0) * hashed / total;
}

// The mean over samples, each a row of one entry a capacity, and its standard error.
void summarise_samples(const std::vector<std::vector<HitRates>>& each, SampledHitRates& result) {
  const auto n = static_cast<double>(each.size());
  for (std::size_t c = 0; c < each.front().size(); ++c) {
    HitRates mean, error;
    for (const auto& rates : each) mean.tokens += rates[c].tokens / n, mean.blocks += rates[c].blocks / n;
    for (const auto& rates : each) {
      error.tokens += square(rates[c].tokens - mean.tokens);
      error.blocks += square(rates[c].blocks - mean.blocks);
    }
    result.mean.push_back(mean);
    result.standard_error.push_back({std::sqrt(error.tokens / (n - 1) / n), std::sqrt(error.blocks / (n - 1) / n)});
  }
}

}  // namespace

std::int64_t samples_at(double rate) {
  KVPLAN_ASSERT(rate > 0 && rate <= 0.5);
  return static_cast<std::int64_t>(std::clamp(1 / rate + 1e-9, 2.0, 8.0));
}

SampledHitRates sampled_hit_rates(const SampledLoad& of, const std::string& policy,
                                  std::span<const std::int64_t> capacities, TouchOrder order, unsigned threads,
                                  double rate, std::uint64_t seed) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  SampledHitRates result;
  result.samples = samples_at(rate);
  const double part = rate / of.share;
  KVPLAN_ASSERT(part * static_cast<double>(result.samples) <= 1 + 1e-9);
  std::vector<std::int64_t> scaled;
  for (const std::int64_t c : capacities) scaled.push_back(std::llround(std::min(static_cast<double>(c) * rate, 4e18)));
  std::vector<std::vector<HitRates>> each;
  for (std::int64_t s = 0; s < result.samples; ++s) {
    // Another hash than the one that chose `of`.
    const double low = static_cast<double>(s) * part;
    const Workload sample = thinned(of.load, {low, low + part, ~seed});
    double tokens = 0;
    for (const Turn& turn : sample.turns) tokens += turn.prompt_tokens;
    const auto blocks = static_cast<double>(sample.prompt_blocks.size());
    result.token_share +=
        tokens / std::max(1.0, static_cast<double>(of.prompt_tokens)) / static_cast<double>(result.samples);
    each.push_back(hit_rates(sample, policy, scaled, order, threads));
    for (std::size_t c = 0; c < scaled.size(); ++c) {
      HitRates& r = each.back()[c];
      if (scaled[c] == 0) {
        r = capacities[c] == 0 ? HitRates{} : HitRates{kNaN, kNaN};
        continue;
      }
      r.tokens = adjusted(r.tokens, tokens, rate, static_cast<double>(of.hashed_tokens),
                          static_cast<double>(of.prompt_tokens));
      r.blocks = adjusted(r.blocks, blocks, rate, static_cast<double>(of.hashed_blocks),
                          static_cast<double>(of.prompt_blocks));
    }
  }
  summarise_samples(each, result);
  return result;
}

}  // namespace kvplan

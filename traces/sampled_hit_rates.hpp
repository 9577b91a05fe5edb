// Hit rates from samples of blocks, with their error.
#pragma once

#include "traces/block_sample.hpp"
#include "traces/hit_rates.hpp"

namespace kvplan {

// A cache of c blocks under the whole trace is taken for one of c times the rate under a sample. A sample has by chance
// more or fewer uses of blocks than its share: the difference counts as hits, as it comes from the few blocks that are
// always there (SHARDS-adj). As many disjoint samples as the rate allows, eight at most, tell the error.
struct SampledHitRates {
  std::vector<HitRates> mean;            // NaN where the capacity is less than half a block of a sample
  std::vector<HitRates> standard_error;  // of the mean
  std::int64_t samples = 0;
  double token_share = 0;  // of one sample, on average
};

// How many disjoint samples there are at a rate from 0 to 0.5.
std::int64_t samples_at(double rate);

// `of` holds at least samples_at(rate) * rate of all blocks.
SampledHitRates sampled_hit_rates(const SampledLoad& of, const std::string& policy,
                                  std::span<const std::int64_t> capacities_blocks, TouchOrder order, unsigned threads,
                                  double rate, std::uint64_t seed);

}  // namespace kvplan

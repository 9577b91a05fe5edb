// A share of all blocks of a trace, and what is left of its prompts with the others taken out.
//
// Spatial sampling (Waldspurger et al., "SHARDS", FAST 2015): a hash of its id
// decides whether a block belongs to the sample, so that it does in every prompt or
// in none. Prompts of sampled blocks are chains again: each block stands behind the
// same ones wherever it stands. So a sample is a small load of its own, for hit
// rates alone: its turns have no sessions and only the order of their arrivals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/random.hpp"
#include "traces/load_options.hpp"
#include "traces/workload.hpp"

namespace kvplan {

struct SampledLoad {
  Workload load;     // without the turns of whose prompts nothing is left
  double share = 1;  // of all blocks, that `load` was to hold
  // Of the whole trace; hashed: in blocks that have an id, as all have but the tails that some formats leave out.
  std::int64_t prompt_tokens = 0, prompt_blocks = 0, hashed_tokens = 0, hashed_blocks = 0;
};

// The whole load as a sample of share 1.
SampledLoad whole_load(Workload);

// Reads a trace and keeps the blocks of the sample alone, in memory for them. Empty where the trace
// must be read whole: its lines give no hashes, or its turns wait for one another. InputError as in traces/load.hpp,
// and where the sample holds nothing.
std::optional<SampledLoad> read_sample(const std::string& path, LoadOptions options, const BlockSample& sample);

// The same of a load.
Workload thinned(const Workload&, const BlockSample& sample);

}  // namespace kvplan

// What a finished run's kept logits are held against.
#pragma once

#include "validate/cuda/engine/gpu_executor.hpp"

namespace kvplan::gpu {

// Relative errors beyond these fail a run. The same prompt in other batches rounds differently in bf16; a token, page
// or block that is not the right one moves the logits by several times as much.
constexpr double kReloadedTolerance = 2e-2;
constexpr double kReferenceTolerance = 2e-2;

// Overwrites the pool. With `reference`, double precision on the host as well.
std::vector<LoggedLogits> check_logits(GpuExecutor& executor, const Model& model, const Tokens& tokens,
                                       const Workload& load, int chunk_tokens, bool reference);

// Of a run: what is wrong with it, a line each.
std::vector<std::string> problems_of(const ReplayRun& run);

}  // namespace kvplan::gpu

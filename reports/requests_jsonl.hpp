// requests.jsonl: one line a request in the order of the trace, units in the keys.
// Instants and the parts of TTFT are integers of picoseconds, which add up exactly:
//   first_token_ps - arrival_ps = frontend_ps + queue_ps + load_ps + prefill_ps
#pragma once

#include <string>

#include "sim/result.hpp"
#include "traces/workload.hpp"

namespace kvplan {

std::string requests_jsonl(const Workload&, const SimulationResult&);

}  // namespace kvplan

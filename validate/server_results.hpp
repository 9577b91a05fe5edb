// Result files of benchmark tools as rows of measured servers: vLLM (`vllm bench serve --save-result`), aiperf
// (profile_export_aiperf.json) and guidellm (benchmarks.json). Written to the published formats; no file of a real run
// has been read yet.
//
// Each names TTFT, time between tokens, lengths, clients and requests; what stands in none of them (GPU, backend, TP,
// weights) is told beside them. Lengths are means: runs whose lengths vary are simulated at their means. Only closed
// loops of clients are modelled: a run at a request rate is refused.
#pragma once

#include <string>
#include <vector>

#include "validate/server_rows.hpp"

namespace kvplan {

struct ServerFacts {
  std::string system, backend, version, model;  // model "": as the file says
  Dtype weights = Dtype::bf16;
  std::int32_t tp = 1;
};

// InputError with all findings: an unknown format, missing or impossible figures, failed requests, no closed loop.
std::vector<ServerRow> read_server_results(const std::string& path, const ServerFacts&);

}  // namespace kvplan

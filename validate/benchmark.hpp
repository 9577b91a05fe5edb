// How a benchmark of a whole server was run, and what it would measure.
//
// A closed loop: each of `concurrency` clients sends a request, waits for its
// end, and sends the next at once, requests_per_client times. The clients begin
// `spacing_s` apart. Means are over all requests, the first burst included
// unless it is left out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "sim/config.hpp"
#include "traces/workload.hpp"
#include "validate/server_rows.hpp"

namespace kvplan {

// Where the time of kernels comes from: data-sheet peaks times efficiencies, or the calibration that the hardware names
// (the roofline where that does not cover a row).
enum class Kernels { roofline, calibration };

struct Benchmark {
  std::string title;
  std::string source;
  std::int32_t requests_per_client = 10;
  double spacing_s = 0.001;
  bool skip_first_burst = false;
  double length_jitter = 0;  // prompt and output lengths vary evenly by this share, up and down
  // Token budget of a step: fixed, or (0) isl + prompt_headroom_tokens + concurrency.
  std::int32_t batched_tokens = 0;
  std::int32_t prompt_headroom_tokens = 1500;
  // Sequences that the server runs at once: as many as there are clients and this more (or fewer), by backend. For a
  // backend that is not named the overheads decide: at least 256, or what they keep free less than clients.
  std::map<std::string, std::int32_t> sequences_beyond_clients = {};
  // Backends that cut no prompt into chunks, and that let prompts go before decodes (SGLang's default); others mix chunks
  // and decodes in a step.
  std::set<std::string> whole_prompts = {};
  std::set<std::string> prefill_first = {"sglang"};
  std::set<std::string> overlapped = {};  // backends whose host prepares a step while the one before it runs
  double gpu_memory_utilization = 0.9;
  bool of_free_memory = false;  // the utilization is of what weights and activations leave (TensorRT-LLM), not of all
  // Beyond either, the host front end bounds the server, which no step model tells; 0: not known.
  double frontend_requests_per_s = 0;
  double frontend_tokens_per_s = 0;
  Kernels kernels = Kernels::roofline;

  std::int32_t sequences(const ServerRow& row, int kept_free = 0) const {
    const auto own = sequences_beyond_clients.find(row.backend);
    if (own != sequences_beyond_clients.end()) return std::max(1, row.concurrency + own->second);
    return kept_free == 0 ? std::max(256, row.concurrency) : std::max(1, row.concurrency - kept_free);
  }
  std::int32_t budget(const ServerRow& row) const {
    return batched_tokens > 0 ? batched_tokens : row.isl + prompt_headroom_tokens + row.concurrency;
  }
};

struct ServerFigures {
  double ttft_s = 0, tpot_s = 0;
  double e2e_s = 0;
  double requests_per_s = 0, output_tokens_per_s = 0;
  double queue_share = 0;  // of TTFT
  std::int64_t preemptions = 0;
};

// The load of one row: lengths, closed loop, and no prompt shares anything with another.
Workload benchmark_load(const ServerRow&, const Benchmark&);

// `config` has everything but the engine's budget and sequences, which the benchmark says.
ServerFigures run_benchmark(const ServerRow&, const Benchmark&, SimulationConfig config, int kept_free = 0);

}  // namespace kvplan

// What follows from one model on one kind of hardware, without simulating:
// memory left for KV, speed of a prefill and a decode step, the routes of KV,
// and from which prefix length on loading beats computing again. `hw show` and
// `model show` print the same facts.
#pragma once

#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "hardware/hardware.hpp"
#include "models/architecture.hpp"
#include "models/break_even.hpp"

namespace kvplan {

struct Deployment {
  std::int32_t tp = 1;
  Dtype weights = Dtype::bf16;
  Dtype kv = Dtype::bf16;
  double gpu_memory_utilization = 0.9;
  std::int32_t page_tokens = 16;
  PromptShape prompt;
};

// --tp, --weights, --kv-dtype, --gpu-memory-utilization, --page-tokens, --new-tokens, --max-num-batched-tokens
void add_deployment_options(boost::program_options::options_description&);
Deployment deployment_of(const boost::program_options::variables_map&);  // UsageError

// Units stand in the keys. Where the model does not fit, "kv_memory_bytes_per_gpu" is null and "does_not_fit" says why.
nlohmann::ordered_json deployment_facts(const Hardware&, const Architecture&, const Deployment&);

// The same as aligned text.
std::string deployment_text(const nlohmann::ordered_json& facts);

// --format table|json of the show and list verbs; true for json. UsageError.
bool wants_json(const boost::program_options::variables_map&);

}  // namespace kvplan

// The flags of real servers that a plan implies, as text: to be read by a person before they are used. Where a server
// has no such setting, the text says so.
#pragma once

#include <string>
#include <vector>

#include "base/units.hpp"

namespace kvplan {

struct ServingSetup {
  std::string model, weights, kv_dtype;
  std::int32_t tp = 1, page_tokens = 16, max_num_seqs = 256, max_num_batched_tokens = 8192, max_context_tokens = 131072;
  double gpu_memory_utilization = 0.9;
  double static_share = 0.86;  // of the memory, for weights and KV alone
  Bytes dram_per_replica{0};  // for KV; 0: no offload
  Bytes dram_per_gpu{0};
  Bytes ssd_per_node{0};
};

struct ServingFlags {
  std::string server, text;
};

std::vector<ServingFlags> serving_flags(const ServingSetup&);

}  // namespace kvplan

// A model, or its KV cache, that is larger than HBM: what lies in host memory, and what a decode step takes by each way
// of getting at it.
//
//   resident       the step as if all of it lay in HBM (roofline)
//   on demand      resident + s / link                       each spilled layer is copied when its turn comes (vLLM's
//                                                            --cpu-offload-gb)
//   prefetched     max(resident, s / link) + the first fill  copied one layer ahead
//   in place       resident - t / HBM + t / in-place rate    kernels read host memory: coherent over C2C, else pinned
//   managed        resident + m / managed rate               pages fault and move in, the least recently used move out
//   counters       access-counter migration on coherent hosts: with headroom it settles to the hottest pages in HBM
//                  and the rest in place; without, pages of equal heat keep changing places, as with managed memory
//
//   s  spilled bytes; experts are spilled before what every token reads, and HBM keeps the rest
//   t  those of s that a step reads: of experts, the expected share that the batch's tokens choose
//   m  bytes that a step reads and an LRU memory of HBM's size does not have. The last h / r steps are in HBM
//      (h: room, r: bytes that a step reads). Less than one whole step: everything misses, as a cycle longer than
//      the memory does. Else experts miss that were not read in those steps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hardware/hardware.hpp"
#include "models/architecture.hpp"
#include "models/memory.hpp"

namespace kvplan::unified_memory {

struct Setting {
  Dtype weights = Dtype::bf16, kv = Dtype::bf16;
  std::int32_t tp = 1;
  std::int32_t batch = 1;              // sequences that decode
  std::int64_t context_tokens = 1024;  // of each
  double gpu_memory_utilization = kGpuMemoryUtilization;
  double link_bytes_per_s = 0;  // to one GPU, in place of the hardware file's; 0: as there
};

// All of one replica.
struct Need {
  double weights = 0, kv = 0, runtime = 0;  // bytes
  double hbm = 0;                           // what the engine may take of it
  double host = 0;                          // memory of the node
  double spilled = 0;                       // 0: all fits in HBM
  bool fits() const { return spilled <= host; }
};
Need need(const Hardware&, const Architecture&, const Setting&);

struct Way {
  std::string name;
  double host_bytes = 0;   // over the link in a step
  double bytes_per_s = 0;  // at which they come, to all GPUs of the replica
  double step_s = 0;
  double tokens_per_s = 0;
  std::string unavailable = {};  // why not on this host; empty when it is
};
// In the order above. InfeasibleError, with the bytes and the ways out, when not even host memory has room.
std::vector<Way> ways(const Hardware&, const Architecture&, const Setting&);

// What would make it fit in HBM, each with its bytes: "fp8 weights: 76.3 GB fit in HBM"
std::vector<std::string> ways_out(const Hardware&, const Architecture&, const Setting&);

}  // namespace kvplan::unified_memory

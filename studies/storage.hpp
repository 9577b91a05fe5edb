// Storage behind a node: what gets through to its GPUs under a given load, and how long a context takes from each tier.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hardware/topology.hpp"
#include "models/architecture.hpp"

namespace kvplan::storage {

// Reads of equal size arrive at each GPU's queue (Poisson) and are carried out one after the other, as offloading
// connectors do; all GPUs share the node's limits.
struct Load {
  double offered_bytes_per_s = 0;  // of all GPUs together
  Bytes read{0};                   // of one GPU
  std::int64_t objects = 1;        // that a read consists of
  double duration_s = 60;
};
struct Delivered {
  double bytes_per_s = 0;  // of all GPUs, while reads arrive
  double mean_s = 0;       // from arrival to end, of reads that ended in that time
  double p99_s = 0;
};
// `tier`: of links.beyond. Every replica of `links` is one GPU.
Delivered deliver(const NodeLinks& links, std::size_t tier, const Load&, std::uint64_t seed);

// One context back into the HBM of one replica on `tp` GPUs, nothing else under way.
struct Restore {
  std::string from;
  double s = 0;
  double bytes_per_s = 0;
};
// DRAM, NVMe and the remote store where the hardware has them, the latter two direct and by way of DRAM; last,
// computing it again. Pages of 16 tokens over all layers in DRAM, objects of `object_tokens` beyond.
std::vector<Restore> restores(const Hardware&, const Architecture&, Dtype weights, Dtype kv, std::int32_t tp,
                              std::int64_t tokens, std::int64_t object_tokens);

}  // namespace kvplan::storage

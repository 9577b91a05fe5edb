// From a node's graph to the limits that concurrent transfers share.
//
// A replica on TP GPUs moves KV as TP equal streams, one a GPU; by symmetry they
// run at one rate. So a transfer of a replica is one flow whose rate is that of
// one GPU's stream, and which weighs on each limit as often as its streams cross
// it: its own GPU's link once, the socket's memory TP times.
//
//   for each limit c:  sum over active flows f of weight(f, c) * rate(f) <= capacity(c)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hardware/hardware.hpp"

namespace kvplan {

struct Limit {
  std::string name;  // "gpu0 link to device", "dram0", ...
  std::int64_t bytes_per_s = 0;
};

struct LimitUse {
  std::uint32_t limit = 0;  // into NodeLinks::limits
  std::int64_t weight = 1;
};

// How the KV of one replica crosses the node in one direction.
struct Route {
  std::vector<LimitUse> uses;
  std::int64_t segment_ps = 0;  // cost of each segment of one GPU's stream
};

struct NodeLinks {
  std::vector<Limit> limits;
  std::vector<Route> load;   // host to GPUs, one a replica of the node
  std::vector<Route> store;  // GPUs to host
  // A tier beyond host memory: SSDs or a remote store.
  struct Beyond {
    std::vector<Route> load;  // to GPUs, one a replica of the node
    Route write;              // from host memory
    std::int64_t write_streams = 1;  // equal parts that a write moves at once, one a memory of the node
  };
  std::vector<Beyond> beyond = {};
};

// Routes by shortest path from the nearest memory to each GPU of each replica
// (Boost.Graph). Replica r owns GPUs [r * tp, (r + 1) * tp). Limits that are
// crossed by the same flows with the same weights are merged into the tightest.
// InfeasibleError when the node has too few GPUs or a GPU reaches no memory.
// `beyond`: the kinds of storage behind host memory that are used, nearest first. What passes through host memory
// on its way weighs on it twice, once written and once read.
NodeLinks compile_links(const Hardware&, std::int32_t tp, std::int32_t replicas_on_node,
                        const std::vector<VertexKind>& beyond = {});

}  // namespace kvplan

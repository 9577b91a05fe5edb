// From a node's graph to the limits that concurrent transfers share.
//
// A replica on TP GPUs moves KV as TP equal streams, one a GPU; by symmetry they
// run at one rate. So a transfer of a replica is one flow whose rate is that of
// one GPU's stream, and which weighs on each limit as often as its streams cross
// it: its own GPU's link once, the socket's memory TP times.
//
//   for each limit c:  sum over active flows f of weight(f, c) * rate(f) <= capacity(c)
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/units.hpp"
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
  // Where the cost depends on how many segments there are (measured copies): what 1, 2, 4, ... cost together, linear
  // between these and beyond the last. Empty: segment_ps each.
  std::vector<std::int64_t> submission_ps = {};
  // Of storage: until the first byte comes; and what a byte takes longer than at the full rate, in femtoseconds, while 1,
  // 2, ... blocks are in flight. Empty: nothing.
  std::int64_t latency_ps = 0;
  std::vector<std::int64_t> ramp_fs_per_byte = {};
};

// How long a transfer of one GPU's stream moves nothing: what it takes beside bytes / rate. Segments >= 1.
Time setup_time(const Route&, Bytes bytes, std::int64_t segments);

// A limit that is lower while a replica's GPUs run steps, which use the same memory.
struct BusyLimit {
  std::uint32_t limit = 0;    // into NodeLinks::limits
  std::uint32_t replica = 0;  // of the node
  std::int64_t bytes_per_s = 0;
};

// Which of several possible ways copies take.
struct CopyWay {
  bool far_memory = false;  // KV lies in the memory that is farthest from its GPU, not the nearest (NUMA)
  // The host memories, or the drives, of all nodes are one pool, reached over the network as the remote store is.
  bool pooled_memory = false, pooled_ssd = false;
  bool prefetch = false;    // from storage to host memory, too
  bool bounce = false;      // storage: by way of the GPU's host memory even where a shorter path leads past it
  // "dma": each segment is a copy of its own, at the link kind's cost. "staged": gathered on the GPU, then one copy. Others
  // name a measured surface of the hardware file; where that has one direction alone, the other goes by DMA.
  std::string method = "dma";
  Bytes load_segment{0}, store_segment{0};  // of one GPU's stream; of methods other than dma
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
    std::vector<Route> prefetch = {};  // to the host memory that serves each replica of the node, where it is asked for
  };
  std::vector<Beyond> beyond = {};
  std::vector<BusyLimit> busy = {};  // empty where steps do not slow copies
};

// Of one GPU's stream on a route that no other flow uses, in bytes/s.
inline std::int64_t rate_alone(const NodeLinks& links, const Route& route) {
  std::int64_t rate = std::numeric_limits<std::int64_t>::max();
  for (const LimitUse& use : route.uses) rate = std::min(rate, links.limits[use.limit].bytes_per_s / use.weight);
  return rate;
}

// Routes by shortest path from the nearest memory to each GPU of each replica
// (Boost.Graph). Replica r owns GPUs [r * tp, (r + 1) * tp). Limits that are
// crossed by the same flows with the same weights are merged into the tightest.
// InfeasibleError when the node has too few GPUs or a GPU reaches no memory.
// `beyond`: the kinds of storage behind host memory that are used, nearest first. What passes through host memory
// on its way weighs on it twice, once written and once read.
NodeLinks compile_links(const Hardware&, std::int32_t tp, std::int32_t replicas_on_node,
                        const std::vector<VertexKind>& beyond = {}, const CopyWay& way = {});

// Whether links lead from one vertex to another.
bool reaches(const Hardware&, const std::string& from, const std::string& to);
// What one stream gets alone from a memory or storage to a GPU, by the shortest path; 0 where there is none.
double rate_alone(const Hardware&, const std::string& from, const std::string& gpu);

}  // namespace kvplan

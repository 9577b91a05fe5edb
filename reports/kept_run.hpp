// A run as its folder keeps it: requests.jsonl, a line a request, and events.jsonl (docs/event-log.md), read back by
// those who explain or draw it. InputError, with file and line, where a file is absent, cut off or of another schema.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "hardware/topology.hpp"
#include "models/step_time.hpp"
#include "sim/event_log.hpp"
#include "sim/result.hpp"

namespace kvplan {

// Of a run: prompts and answers may have 100,000 each.
inline constexpr std::uint32_t kMostReplicas = 200'000;

struct KeptRequest : RequestRecord {
  std::uint32_t session = 0;
  TurnId continues = kNone;  // the turn before, whose end this one waited for
  std::int32_t prompt_tokens = 0, output_tokens = 0;
};

// By turn.
std::vector<KeptRequest> read_kept_requests(const std::string& folder);

struct KeptRoute {
  std::string purpose;  // load, store, write
  std::int64_t tier = 0, replica_on_node = 0, segment_ps = 0;
  std::vector<std::pair<std::size_t, std::int64_t>> uses;  // limit, weight
  Route cost;  // what a transfer takes beside its bytes
};

struct KeptLimit {
  std::string name;
  std::int64_t bytes_per_s = 0;
};

struct KeptMemory {
  std::string name;  // hbm, dram, ssd, remote
  std::int64_t tier = 0, first_replica = 0, end_replica = 0;
  std::int64_t capacity = 0;  // pages in tier 0, blocks below
};

// Of replicas that are alike. Kinds follow each other by the numbers of replicas and of nodes.
struct KeptKind {
  std::int64_t first_replica = 0, end_replica = 0, first_node = 0, end_node = 0, replicas_per_node = 1,
               max_num_batched_tokens = 0;
  std::int64_t kv_bytes_per_token = 0, kv_bytes_per_token_per_gpu = 0;
  StepTime step_time;  // with no copy beside it
  std::vector<KeptLimit> limits;
  std::vector<KeptRoute> routes;
};

// What held in the run.
struct KeptLimits {
  std::int64_t block_tokens = 0, page_tokens = 0;
  bool blocking_loads = false;
  std::vector<KeptMemory> memories;
  std::vector<KeptKind> kinds;

  std::int64_t replicas() const { return kinds.back().end_replica; }
  std::int64_t nodes() const { return kinds.back().end_node; }
  const KeptKind& kind_of_replica(std::int64_t replica) const;
  const KeptKind& kind_of_node(std::int64_t node) const;
  const KeptRoute& route(std::int64_t node, std::size_t route) const { return kind_of_node(node).routes.at(route); }
  std::int64_t node_of(std::int64_t replica) const;
  const std::string& tier_name(std::int64_t tier) const;
};

bool keeps_events(const std::string& folder);

// Reads events.jsonl from its first line to its last: the limits first, then each event, in the log's order.
void read_kept_events(const std::string& folder, const std::function<void(const KeptLimits&)>& begin,
                      const std::function<void(const Event&)>& each);

}  // namespace kvplan

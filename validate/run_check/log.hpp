// The log of a run, line by line, as the checker reads it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace kvplan::run_check {

__extension__ using Wide = __int128;
using Places = std::vector<std::int64_t>;

struct Piece {
  std::int64_t from, start_ps, slope_ps;
};
struct StepCost {
  std::vector<Piece> base, head;
  std::int64_t context_ps, pair_ps, key_queries, layers;
  std::int64_t host_ps, host_sample_ps;  // of base, and of head for each sample

  std::int64_t total(std::int64_t tokens, std::int64_t samples, std::int64_t context, std::int64_t pairs) const;
};
// A step verifies drafts beside each decode's token, and adds `step_parts` of a token to its context and answer.
struct Speculation {
  std::int64_t draft_tokens = 0, token_parts = 1, step_parts = 1;
};
struct MemoryLimit {
  std::int64_t tier, first_replica, end_replica, capacity;  // pages in tier 0, blocks below
};
struct BusyLimit {  // what a limit passes while one of the node's replicas runs steps
  std::int64_t replica_on_node = -1, bytes_per_s = 0;
};
struct RouteLimit {
  std::string purpose;
  std::int64_t tier, replica_on_node, segment_ps;
  std::vector<std::pair<std::int64_t, std::int64_t>> uses;  // limit, weight
  std::vector<std::int64_t> submission_ps, ramp_fs_per_byte;
  std::int64_t latency_ps = 0;
};

// Replicas that only decode, numbered behind the others; none: every replica does both.
struct DecodeSide {
  std::int64_t replicas = 0, max_num_seqs = 0, max_num_batched_tokens = 0, kv_bytes_per_token = 0;
  std::int64_t parts = 1;  // of a prompt's KV; the last moves once it is computed, the others may move before
  std::vector<StepCost> step_costs, draft_costs;  // drafts: all of a step's together
  std::vector<std::int64_t> limits;
  std::vector<RouteLimit> routes;  // by prefill replica, and of each by decode replica
};

// Replicas that are alike, and the nodes that they stand on. Kinds follow each other by the numbers of both.
struct Kind {
  std::int64_t first_replica, end_replica, replicas_per_node, first_node, end_node;
  std::int64_t max_num_seqs, max_num_batched_tokens, kv_bytes_per_token_per_gpu;
  std::vector<StepCost> step_costs, draft_costs;
  std::vector<std::int64_t> limits;  // bytes per second
  std::map<std::int64_t, BusyLimit> busy_limits;
  std::vector<RouteLimit> routes;

  std::int64_t first_on(std::int64_t node) const { return first_replica + (node - first_node) * replicas_per_node; }
  std::int64_t end_on(std::int64_t node) const { return std::min(first_on(node) + replicas_per_node, end_replica); }
};

struct Header {
  std::int64_t block_tokens, page_tokens, max_context_tokens;
  bool blocking_loads;
  bool overlap = false;  // a step that follows another takes the longer of host and device
  Speculation speculation;
  std::vector<MemoryLimit> memories;
  std::vector<Kind> kinds;
  DecodeSide decode;

  std::int64_t prefill_replicas() const { return kinds.back().end_replica; }
  std::int64_t replicas() const { return prefill_replicas() + decode.replicas; }
  const Kind& kind_of_replica(std::int64_t replica) const;  // out_of_range
  const Kind& kind_of_node(std::int64_t node) const;
};

struct Asked {
  std::int64_t prompt_tokens = 0, output_tokens = 0;
  Places prompt, answer;  // blocks
};

struct Said {
  std::string outcome;
  std::int64_t arrival = 0, replica = 0, first_token = 0, finish = 0, frontend = 0, queue = 0, load = 0, prefill = 0,
               computed_tokens = 0, preemptions = 0, handover = 0;
  std::array<std::int64_t, 4> hit_tokens{};
};

struct Entry {
  std::string what;
  std::int64_t line = 0, at = 0;
  std::int64_t replica = -1, node = -1, memory = -1, turn = -1;
  std::int64_t tier = 0, first = 0, last = 0, count = 0, tokens = 0, route = 0, bytes = 0, segments = 0;
  std::int64_t cached_tokens = 0, lead_tokens = 0, waits = 0, decodes = 0, copies = 0, first_ps = 0, growth_ps = 0, stall_ps = 0;
  std::int64_t ready = 0, reason = 0, from = -1;
};

struct Log {
  Header header;
  std::vector<Asked> asked;
  std::vector<Entry> entries;
  std::vector<Said> said;
};

Log parse_log(const std::string& text, const std::string& name);  // InputError

}  // namespace kvplan::run_check

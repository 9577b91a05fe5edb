// Everything that a simulation needs, resolved to integers: no file names, no
// JSON, no doubles but the router's weights. Built by cli/ (and tests) from a
// scenario, a model and a hardware file.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "hardware/topology.hpp"
#include "models/step_time.hpp"
#include "sim/result.hpp"

namespace kvplan {

// How a step is composed (replica.hpp).
enum class StepOrder {
  mixed,          // decodes first, prefills in what is left of the budget (vLLM)
  prefill_first,  // while there is a prefill to compute, decodes wait (SGLang)
};

// Which blocks go first (sim/eviction/eviction.hpp).
enum class Eviction : std::uint8_t { lru, lfu, arc, s3_fifo, sieve, priority, session, belady };

// Of the priority policy: 0..100, the lowest goes first. A use gives a block the priority of its part of the prompt or
// answer; one above `fallback` falls to it a `duration` after the last use. prefix >= prompt >= answer.
struct RetentionConfig {
  std::int64_t prefix = 80;     // blocks that several sessions share
  std::int64_t prompt = 50;
  std::int64_t answer = 35;
  std::int64_t fallback = 35;
  std::int64_t store_from = 30;  // written back to G2 on eviction from G1; what is lower is dropped
  Time duration = Time::max();
};

// Speculative decoding (speculation.hpp): a draft proposes tokens, and a step verifies them all at once. How many a
// step yields is taken as its expectation, in parts of a token, so that contexts grow alike in all steps.
struct Speculation {
  std::int32_t draft_tokens = 0;   // of each sequence and step; 0: off
  std::int64_t token_parts = 1;    // parts of a token, in which contexts are counted
  std::int64_t step_parts = 1;     // by which a sequence's context grows in a step
};

struct EngineConfig {
  std::int32_t max_num_seqs = 256;
  std::int32_t max_num_batched_tokens = 8192;
  StepOrder order = StepOrder::mixed;
  bool whole_prompts = false;  // no chunks, but of prompts beyond the whole budget
  bool overlap = false;        // the host prepares a step while the one before it runs
  Speculation speculation;
  std::int32_t page_tokens = 16;
  std::int32_t max_context_tokens = 131072;  // prompt + output beyond this is refused
  Pages g1_pages{0};                         // KV memory of one replica
  Eviction eviction = Eviction::lru;         // of G1; not every policy (eviction_table())
  Time frontend_fixed{0};                    // of each request, before the queue
  std::int64_t frontend_ps_per_token = 0;    // of its prompt
  // What the front end gets through, one request after the other; 0: any number at once.
  Time frontend_service_fixed{0};
  std::int64_t frontend_service_ps_per_token = 0;
};

enum class StorePolicy {
  through,    // at the end of prefill and of the turn
  back,       // when G1 runs out and would evict
  selective,  // through, for blocks that were looked up at least selective_hits times
};
enum class LoadPolicy {
  blocking,   // the request waits outside the batch until its load is done
  layerwise,  // the request's first step computes layer l while layer l + 1 loads
  in_step,    // the request's first step waits for all of its load before it computes (TensorRT-LLM)
};
// Whether a request loads what the tiers below hold of its prompt (sim/load_choice.hpp).
enum class LoadChoice {
  load,
  recompute,
  cheaper,  // whichever is estimated to end first
  partial,  // computes the leading part while the rest loads, split so that both end together
};
enum class Scope { replica, node, fleet };

// G3 or G4: written from G2, read straight into G1.
struct LowerTierConfig {
  Storage kind = Storage::ssd;
  Scope scope = Scope::node;
  Bytes capacity{0};  // of one such tier; of a node's: where a node is as full as any
  Eviction eviction = Eviction::lru;
  // through: when a store in G2 has ended; selective: then or later, once looked up selective_hits times;
  // back: when G2 is about to evict.
  StorePolicy store = StorePolicy::through;
  bool by_replica = false;  // a node with fewer replicas than others has so much less
};

struct OffloadConfig {
  bool enabled = false;
  StorePolicy store = StorePolicy::through;
  LoadPolicy load = LoadPolicy::blocking;
  LoadChoice choice = LoadChoice::load;
  bool defer_stores = false;             // a store starts one step after its blocks are complete (vLLM)
  Eviction eviction = Eviction::lru;     // of G2
  Scope scope = Scope::node;
  Bytes capacity{0};                     // of one G2 (of a replica, a node or the fleet, as scope says)
  bool by_replica = false;               // a node with fewer replicas than others has so much less
  std::vector<LowerTierConfig> beyond;   // G3, G4; in the order of NodeLinks::beyond
  bool promote = true;                   // what is loaded from G3 or G4 stays in G2 as well
  // What G3 or G4 hold of a prompt that has to queue is read into G2 meanwhile; at least so many tokens, or nothing.
  bool prefetch = false;
  std::int32_t prefetch_tokens = 256;
  std::int32_t selective_hits = 2;
  std::int32_t chunk_tokens = 256;       // the unit of offload: only whole chunks of a prompt or answer are stored
  Bytes segment{0};                      // contiguous bytes of one GPU's copy: layout x page x dtype / TP
  Bytes load_segment{0};                 // of loads from G2, where these are cut smaller than stores; 0: as segment
};

inline Bytes load_segment(const OffloadConfig& o) { return o.load_segment.count > 0 ? o.load_segment : o.segment; }

// Pieces of a load that a step's compute waits for one by one.
inline std::int64_t load_parts(const OffloadConfig& o, const StepTime& step) {
  return o.load == LoadPolicy::layerwise ? step.layers : 1;
}

// What waits to be written on from G2 by one of the nodes that share it.
inline Bytes most_waiting_writes(const OffloadConfig& o, std::int64_t nodes) {
  return Bytes(o.capacity.count / 8 / (o.scope == Scope::fleet ? nodes : 1));
}

// Whether anybody asks how often blocks have been looked up.
inline bool counts_lookups(const OffloadConfig& o) {
  bool counts = o.store == StorePolicy::selective;
  for (const LowerTierConfig& tier : o.beyond) counts = counts || tier.store == StorePolicy::selective;
  return counts;
}

// How a request finds a replica (sim/routing).
enum class RouterPolicy {
  round_robin, weighted, random, power_of_two, least_loaded, session_affinity, prefix_aware, cost_aware
};

// Of a prefix-aware router: what it knows of the prefixes that replicas hold.
enum class RouterView {
  exact,     // all, at any instant
  snapshot,  // what it was when the router last looked, once an interval
  routed,    // which prompts the router has sent where, and not what became of them
};

struct RouterConfig {
  RouterPolicy policy = RouterPolicy::round_robin;
  std::uint64_t seed = 1;
  RouterView view = RouterView::exact;
  Time view_interval{kPsPerS};
  Time view_ttl = Time::max();           // of what a routed view remembers
  double cache_threshold = 0.3;          // prefix-aware: see sim/routing/prefix_aware.cpp
  std::int64_t balance_requests = 64;
  double balance_factor = 1.5;
  // Weighted: each score lies in 0..1, the highest weighted sum wins, ties go to the lowest replica.
  double queue_weight = 1, kv_use_weight = 1, g1_prefix_weight = 1, g2_prefix_weight = 1, recency_weight = 1;
};

// A node goes away: it fails, with all that its memories hold and the requests that it has; or it is drained, takes no
// more requests and goes when it has ended those. It is back, empty, `down` after it went.
struct Outage {
  std::uint32_t node = 0;
  Time at{0};
  bool drain = false;
  Time down = Time::max();
};

// The number of replicas follows the load, up to SimulationConfig::replicas (sim/availability.hpp).
struct ScalingConfig {
  std::int32_t min_replicas = 0;     // and at first; 0: all replicas run throughout
  std::int64_t target_requests = 1;  // that a replica has
  Time interval{15 * kPsPerS};
  Time delay{0};     // until a replica that starts takes requests
  Time cooldown{0};  // for which fewer replicas were enough, before they drain
};

// Which copies run beside a step: index bit 0 = load, bit 1 = store.
using StepTimes = std::array<StepTime, 4>;

// How the KV of a prompt gets from the replica that computed it to the one that decodes.
struct HandoffConfig {
  bool layerwise = false;     // beside the prompt's last step, rather than after it
  std::vector<Limit> limits;
  std::vector<Route> routes;  // of a replica's whole KV; by prefill replica, and of each by decode replica
};

struct SimulationConfig {
  std::int32_t replicas = 1;
  std::int32_t replicas_per_node = 1;
  std::int32_t gpus_per_replica = 1;
  EngineConfig engine;
  OffloadConfig offload;
  RouterConfig router;
  RetentionConfig retention;
  std::vector<Outage> outages;
  ScalingConfig scaling;
  StepTimes step_times;                   // context_ps: of a part of a token (Speculation)
  StepTimes draft_times;                  // of all of a step's drafts together; context_ps likewise
  NodeLinks links;                        // of one node; all nodes are alike
  Bytes kv_bytes_per_token{0};            // of all GPUs of the replica: what a token takes below G1
  Bytes kv_bytes_per_token_per_gpu{0};    // what each GPU of the replica moves
  // A mixed fleet: further kinds of replicas, on nodes of their own, numbered behind (layout.hpp). Each has its number of
  // replicas and of those on a node, its engine, tiers, links, step times and KV bytes; what is about the whole fleet
  // (router, retention, outages, scaling, front end, window, tiers of fleet scope) is read from the first kind alone.
  // All kinds have the same tiers, in the same scopes. Not together with scaling, or with disaggregation.
  std::vector<SimulationConfig> others = {};
  // Disaggregation: empty, or the one configuration of the decode replicas, which are numbered behind the others; those
  // then compute prompts alone.
  std::vector<SimulationConfig> decode_pool = {};
  HandoffConfig handoff;
  bool step_by_step = false;              // one event a step: slow, and byte-identical
  bool check = false;                     // audit all invariants at every event
};

}  // namespace kvplan

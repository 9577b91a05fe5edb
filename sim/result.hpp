// What a simulation leaves behind: one record a request, and counters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "sim/load_choice.hpp"
#include "traces/workload.hpp"

namespace kvplan {

enum class Outcome : std::uint8_t { unfinished, completed, refused };
enum class Refusal : std::uint8_t { none, exceeds_context, exceeds_memory, empty_prompt, unavailable };

enum class Storage : std::uint8_t { ssd, remote };  // what lies beyond host memory

// All times are instants of the run, but the parts, which are durations:
//   first_token - arrival = frontend + queue + load + prefill, exactly.
struct RequestRecord {
  TurnId turn = 0;
  std::uint32_t replica = kNone;
  Outcome outcome = Outcome::unfinished;
  Refusal refusal = Refusal::none;
  Time arrival, first_token, finish;
  Time frontend, queue, load, prefill;
  Time recompute;  // the share of prefill that computed again what the fleet had computed before
  std::int32_t hit_g1_tokens = 0;
  std::int32_t hit_g2_tokens = 0;
  std::int32_t hit_beyond_tokens[2] = {0, 0};  // by Storage: SSD, remote
  std::int64_t computed_tokens = 0;    // of the prompt, and again after a preemption
  std::int64_t recomputed_tokens = 0;  // of those, computed before by some replica
  std::int32_t preemptions = 0;
  std::int32_t requeues = 0;  // replicas that it lost
  // Disaggregation: who decoded, and from the first token until that could go on. kNone: nobody else.
  std::uint32_t decode_replica = kNone;
  Time handover{0};
};

// A replica that is paid for from here on (1), or no longer (-1).
struct PaidChange {
  Time at;
  std::uint32_t kind;
  std::int32_t change;
};

// What became of a fleet that is not the same throughout.
struct FleetHistory {
  // That were starting, open or draining, from the first arrival that is served until the last of these ends; 0 where all
  // run throughout.
  double mean_replicas = 0;
  std::vector<double> mean_replicas_of_kind = {};  // likewise; empty where all run throughout
  std::vector<PaidChange> paid_changes = {};       // in order of time, from none on; empty where all run throughout
  std::int64_t failures = 0, drains = 0;           // of nodes that were there
  std::int64_t started = 0, stopped = 0;           // replicas, by scaling
  std::int64_t requeued = 0;                       // requests that lost their replica, each time
  std::int64_t lost_tokens = 0;                    // whose KV they had in HBM
  std::int64_t held = 0;                           // times that a request found no replica
};

struct LinkUsage {
  std::string name;         // "node0 dram0", ...
  std::int64_t bytes_per_s = 0;
  Bytes bytes;              // moved over the run
  Time busy;                // with at least one flow
  Time last_moved{0};       // when it was last busy
};

struct SimulationResult {
  std::vector<RequestRecord> requests;  // indexed by turn
  std::vector<LinkUsage> links;
  Time end;                             // of the last event
  TimeSum gpu_busy;                       // over all GPUs
  std::vector<TimeSum> gpu_busy_of_kind;  // of a mixed fleet; else of the one kind
  TimeSum gpu_busy_of_decode;             // of replicas that only decode, which are of no kind
  Time first_step = Time::max(), last_step{0};  // when the first began and the last ended, lost ones too
  TimeSum gpu_waiting_for_load;         // over all GPUs: a layer-wise step stalled, or idle while only loads are pending
  std::int64_t steps = 0;
  std::int64_t events = 0;
  std::int64_t preemptions = 0;
  std::int64_t evicted_g1_blocks = 0;
  std::int64_t evicted_g2_blocks = 0;
  std::int64_t evicted_beyond_blocks[2] = {0, 0};  // by Storage
  Bytes loaded, stored;                 // into G1, out of G1
  Bytes handed_over;                    // from prefill to decode replicas
  Bytes written_beyond;                 // from G2 to the tiers beyond
  Bytes prefetched;                     // from these to G2, for prompts that queued
  LoadChoices load_choices;
  // By tier (G2, SSD, remote): bytes that came to it, and that loads took from it.
  Bytes written[3], read[3];
  std::int64_t skipped_stores = 0;      // blocks not stored, or not written on, for want of room
  FleetHistory fleet;
  // Backlog of requests in the system at each tenth of the arrival span: tells a saturated run.
  std::vector<std::int64_t> in_system_at_decile;
};

}  // namespace kvplan

// One request while a replica has it, and what is left of it when that replica is lost.
//
//   waiting -> [loading -> loaded ->] prefilling -> decoding -> done
//   prefilling, decoding -> waiting   (preempted: its KV is given up)
//   loaded -> waiting                 (its pages were needed by a running sequence)
// With decode replicas of their own (handover.hpp):
//   prefilling -> leaving -> done, and there: waiting -> loading -> loaded -> decoding
#pragma once

#include <cstdint>

#include "sim/decode_group.hpp"
#include "sim/result.hpp"
#include "traces/workload.hpp"

namespace kvplan {

// How far a request is that comes to a replica: not at all, or what it had emitted before it lost another one.
struct Progress {
  Time since{0};  // when it began to queue
  std::int32_t generated_tokens = 0;
  bool answered = false;  // its first token is out
};

struct Stranded {  // without a replica
  std::uint32_t turn = kNone;
  Progress progress;
};

struct Sequence {
  enum class Phase : std::uint8_t { waiting, loading, loaded, prefilling, decoding, leaving, done };
  enum class Part : std::uint8_t { queue, load, prefill, done };

  TurnId turn = kNone;
  Phase phase = Phase::waiting;
  bool load_in_step = false;  // its layer-wise load runs beside the current step

  // Prefill. target = prompt + what was generated before a preemption.
  std::int32_t target_tokens = 0;
  std::int32_t computed_tokens = 0;     // leading tokens whose KV is in G1, or will be when the load ends
  std::int32_t chunk_tokens = 0;        // being computed in the current step
  std::int32_t generated_tokens = 0;    // emitted before this prefill
  std::int64_t pages = 0;               // of its referenced blocks and its private ones
  std::uint32_t referenced_blocks = 0;  // leading prompt blocks that it references
  std::uint32_t cached_blocks = 0;      // prompt blocks that were hits at its admission
  std::uint32_t loading_blocks = 0;     // the next ones, being loaded
  std::int32_t pending_loads = 0;       // transfers that bring them, one a tier
  std::uint32_t lead_blocks = 0;        // the blocks before them, computed while they load
  std::int32_t lead_tokens = 0;         // where that ends; 0: it has, or there is nothing
  std::int32_t resume_tokens = 0;       // leading tokens that are there when they have come

  std::int32_t stop_tokens() const { return lead_tokens > 0 ? lead_tokens : target_tokens; }

  // Decode.
  std::uint64_t order = 0;  // of admission
  std::int64_t bias = 0;    // see DecodeGroup

  // Time to first token: which part the interval since `since` belongs to.
  Part part = Part::queue;
  Time since{0};

  void enter(Part next, Time at, RequestRecord& record) {
    if (part == Part::done) return;
    const Time spent = at - since;
    if (part == Part::queue) record.queue += spent;
    if (part == Part::load) record.load += spent;
    if (part == Part::prefill) record.prefill += spent;
    part = next;
    since = at;
  }
};

}  // namespace kvplan

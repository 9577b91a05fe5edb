// What happened in a run, one entry after the other, for those who check it or explain it. docs/event-log.md tells
// what each kind means; reports/events_jsonl.hpp writes it.
//
// A simulation without a log pays for one test of a pointer at each of these. Entries come in the order in which the
// simulation carries things out; with fast-forward the steps between two events are one entry, made when they are
// settled, so that `at` does not ascend throughout.
#pragma once

#include <cstdint>
#include <vector>

#include "base/units.hpp"
#include "traces/prefix_chains.hpp"

namespace kvplan {

enum class Happening : std::uint8_t {
  // of a request: `who` is the replica, `turn` the request
  arrive,   // at the front end
  refuse,   // a: Refusal
  queue,    // has left the front end
  hit,      // ahead of admit: blocks [b, c) (places) that tier `a` holds; 0 is G1
  admit,    // a: tokens that need not be computed; b: 1 when it waits outside the batch for its load; c: the end of
            // what it computes while the rest loads, 0 when it does not
  lead_end,  // that is computed: it leaves the batch; a: 1 when it waits for its load, 0 when that is there
  loaded,   // all that it waited for is there; it queues ahead of those that wait
  release,  // its pages went back before it was scheduled; it waits again, ahead of all
  preempt,  // the same, out of the batch
  chunk,    // ahead of batch: a: prompt tokens that each of the steps computes
  first,    // its prefill ended: a token comes out
  finish,
  // of steps: `who` is the replica
  batch,  // composed: a: decodes; b: tokens; c: copies beside it (bit 0 load, bit 1 store)
  steps,  // carried out: at: start; a: how many; b: ps of the first; c: by how much each is longer; d: ps stalled
  // of transfers: `who` is the node
  transfer,  // turn: whose load; a: route; b: bytes of one stream; c: segments; queued behind those of its route
  part,      // behind transfer: blocks [b, c) that it reads
  moves,     // a: route: its bytes begin to move
  moved,     // a: route: the transfer has ended
  cut,     // all its transfers under way are lost
  // of the fleet: `who` is the replica
  up,     // takes requests
  drain,  // takes no more
  down,   // and has none: those that it had wait for another replica
  hold,   // of a request, `turn`: has left the front end, and no replica takes requests
  // of memories: `who` is the memory; blocks [b, c)
  lost,  // all that it held
  insert,       // referenced once; a: 1 when their content is there
  ready,        // their content is there
  reference,    // once more
  unreference,  // once less
  evict,
  forget,  // their pages are private again
  pages,   // a: private pages taken, or given back when negative
  // of a prompt that is handed over (handover.hpp): `who` is the decode replica
  choose,       // it queues at this decode replica
  reserve,      // which has room for it now; a: tokens of its prompt that it lacks; b: their bytes
  send,         // a: the prefill replica; b: bytes; queued behind those between the two
  sent,         // a: the prefill replica; b: bytes, which have ended
  handed_over,  // a: the prefill replica; all of it is here
  join,         // decodes from the step on that is being composed
};

struct Event {
  Happening what;
  std::uint32_t who = 0, turn = 0xffffffffu;
  std::int64_t a = 0, b = 0, c = 0, d = 0;
  Time at{0};
};

class EventLog {
 public:
  Time now{0};  // of the event that the simulation carries out
  std::vector<Event> events;

  void add(Happening what, std::uint32_t who, std::uint32_t turn, std::int64_t a = 0, std::int64_t b = 0,
           std::int64_t c = 0, std::int64_t d = 0) {
    events.push_back({what, who, turn, a, b, c, d, now});
  }
  void add_at(Time at, Event event) {
    event.at = at;
    events.push_back(event);
  }
};

// A log as a memory keeps it: which one it is, and where its blocks' places begin.
struct MemoryLog {
  EventLog* log = nullptr;
  std::uint32_t memory = 0;

  void blocks(Happening what, const PrefixChains& chains, const BlockRange& r, std::int64_t a = 0) const {
    if (log == nullptr) return;
    const std::int64_t first = chains[r.chain].first_place;
    log->add(what, memory, 0xffffffffu, a, first + r.first, first + r.last);
  }
  void pages(std::int64_t n) const {
    if (log != nullptr && n != 0) log->add(Happening::pages, memory, 0xffffffffu, n);
  }
};

}  // namespace kvplan

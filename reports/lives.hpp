// The lives of single requests, told from what the folder of a run keeps: where each waited, what it loaded from where
// and beside whom, and what computing that again would have cost.
//
// Invariant: the spans of a life are disjoint, each begins where the one before ends, the first at arrival; those
// ahead of decode end with the first token, and by part they add up to what the simulation says of the request.
#pragma once

#include <string>
#include <vector>

#include "reports/kept_run.hpp"

namespace kvplan {

enum class LifePart { frontend, queue, load, prefill, decode };
const char* name_of(LifePart);

struct LifeSpan {
  LifePart part;
  Time from, to;
  std::string words;
  std::uint32_t replica;  // that it was on, or on its way to
};

// One transfer that brought KV for the request.
struct LifeLoad {
  std::string tier;
  std::int64_t node = 0, route = 0, blocks = 0, bytes = 0;  // of each GPU's copy
  Time asked, starts, moved;                      // queued on its route, at its head, ended
  bool lost = false;                              // with the node that it came to
  Time alone;                                     // what it takes with its links to itself
  std::int64_t ahead = 0;                         // transfers queued on its route before it
  std::vector<TurnId> beside;                     // whose loads shared a link with it, in order of meeting
  std::int64_t beside_writes = 0;                 // and how many stores or writes did
};

struct Life {
  KeptRequest request;
  std::vector<LifeSpan> spans;  // empty unless completed
  std::vector<LifeLoad> loads;
  // Estimated with the machine to itself; zero without events.
  Time recompute_cached, recompute_loaded;  // all tokens that were cached; those of them that came from below HBM
};

// From the log of events where the folder keeps one. InputError when that is of another run than requests.jsonl.
std::vector<Life> lives_of(const std::string& folder, const std::vector<KeptRequest>&,
                           const std::vector<TurnId>& turns);

}  // namespace kvplan

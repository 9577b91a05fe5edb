// Sessions like those of a given trace.
//
// The model is empirical: no family of distributions is assumed. A session is put
// together from two of the trace's dialogues (traces/dialogues.hpp): one gives the
// first prompt, the number of turns and the growth of the prompt from turn to turn;
// another one, among those of nearly as many turns, gives answers and think times. Dialogues are dealt, not
// drawn: each comes once before any comes again. The turns are taken
// in an order of their own, in which none stands far from where it stood, so that
// a prompt that grows slowly at first or is compacted late does so again; every
// length and time is varied by a few percent. A sub-agent becomes a session of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "traces/session_writer.hpp"
#include "traces/workload.hpp"

namespace kvplan {

struct FollowUpSample {
  bool rewrites = false;          // the prompt drops some full block of the prompt before
  std::int64_t fresh_tokens = 0;  // beyond what it keeps of the prompt before
  double kept_share = 1;          // where it rewrites: of the prompt before
  double prompt_ratio = 1;        // where it rewrites: to the prompt before
  std::int64_t output_tokens = 0;
  double wait_s = 0;  // closed loop: think time; else from arrival to arrival
};

struct DialogueSample {
  std::int64_t first_prompt_tokens = 0;
  std::int64_t first_output_tokens = 0;
  std::vector<FollowUpSample> follow_ups;
};

struct SessionModel {
  std::int64_t block_tokens = 512;
  std::int64_t shared_tokens = 0;      // head of more than half of the first prompts
  std::int64_t max_prompt_tokens = 0;  // the longest of the trace
  bool closed_loop = false;
  double sessions_per_s = 0;  // 0: the trace does not tell
  std::vector<DialogueSample> dialogues;  // ascending in their number of turns
};

// The workload has at least one turn.
SessionModel fit_sessions(const Workload& workload);

struct LikeOptions {
  std::uint64_t seed = 1;
  std::int64_t sessions = 0;  // 0: as many as the model has dialogues
  std::int64_t requests = 0;  // if set: just so many turns
  double sessions_per_s = 0.05;
};

// Writes a Mooncake trace with the model's block size; gives the number of turns.
std::int64_t synthesise_like(const SessionModel& model, const LikeOptions& options, std::ostream& out);

// How far two loads, taken apart into dialogues, are from one another in one quantity.
struct Distance {
  std::string what;
  double kolmogorov_smirnov = 0;  // largest difference of the two distribution functions
  double median[2] = {0, 0}, p90[2] = {0, 0};
};

struct Distances {
  std::vector<Distance> quantities;
  double infinite_hit_rate_tokens[2] = {0, 0};
};

Distances distances_between(const Workload& a, const Workload& b);

}  // namespace kvplan

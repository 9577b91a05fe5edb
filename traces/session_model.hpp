// Sessions like those of a given trace.
//
// The model is empirical, on two levels: a session takes its first prompt and its
// number of turns from one of the trace's sessions, drawn at random and varied by a
// few percent; each of its turns draws growth, answer and think time,
// each for itself, from the turns of that session. So sessions differ as much as
// they do in the trace, in any of these, and no family of distributions is assumed; what is lost
// is the order of turns within a session.
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

struct SessionSample {
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
  std::vector<SessionSample> sessions;
};

// The workload has at least one turn.
SessionModel fit_sessions(const Workload& workload);

struct LikeOptions {
  std::uint64_t seed = 1;
  std::int64_t sessions = 0;  // 0: as many as the model has
  std::int64_t requests = 0;  // if set: just so many turns
  double sessions_per_s = 0.05;
};

// Writes a Mooncake trace with the model's block size; gives the number of turns.
std::int64_t synthesise_like(const SessionModel& model, const LikeOptions& options, std::ostream& out);

// How far two loads are from one another in one quantity.
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

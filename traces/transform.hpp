// Turns a workload into the load to plan for. Each transformation takes a
// workload and gives one, keeps its invariants, and says what it did in the
// notes; transform() applies those that are asked for in the order below.
#pragma once

#include <cstdint>
#include <optional>

#include "traces/arrival_process.hpp"
#include "traces/workload.hpp"

namespace kvplan {

struct TransformOptions {
  std::uint64_t seed = 1;
  double session_share = 1;               // of the sessions, chosen by a hash of their number and the seed
  std::int64_t copies = 1;                // of every session, with blocks of their own
  std::int64_t shared_prefix_tokens = 0;  // system prompt and tools that all sessions have in common
  std::optional<std::int32_t> to_block_tokens;
  std::optional<std::int64_t> users;  // slots that run sessions back to back
  Time users_start{0};                // over which their first sessions start
  Time duration = Time::max();        // turns that start later on the recorded timeline are left out
  ArrivalProcess arrivals;
};

Workload transform(Workload workload, const TransformOptions& options);

// Sessions (see groups_of_turns) whose hash falls below the share; at least one stays.
Workload sample_sessions(const Workload&, double share, std::uint64_t seed);

// Those whose hash, uniform in [0, 1), lies in [low, high): disjoint ranges give disjoint samples. May be empty.
Workload sessions_between(const Workload&, double low, double high, std::uint64_t seed);

// Every session `copies` times. All copies arrive when the original does: impose arrivals, or give them to users.
Workload replicate(const Workload&, std::int64_t copies);

// The leading full blocks within the given tokens become the same in every prompt. Lengths stay.
Workload share_prefix(const Workload&, std::int64_t tokens);

// Blocks of another size. Prompts share a block of the result where they surely share all its tokens:
// nothing is lost when the old size is a multiple of the new one; otherwise, what they share beyond
// the last whole block of the result.
Workload convert_blocks(const Workload&, std::int32_t block_tokens);

// `users` slots, each running one session after another without a pause in between: the next session's
// first turn arrives when the last turn of the one before has ended; the first ones start spread over `start_within`,
// user i of n at a random place in the i-th n-th of it. Sessions are drawn in a shuffled order, each
// once before any comes again, then with blocks of its own. A turn with a recorded arrival becomes closed loop: it
// waits the recorded gap after the turn that it continues. Slots start sessions while the recorded timeline is
// below `duration`, where all that is under way ends; without one, until each session has run once.
Workload run_by_users(const Workload&, std::int64_t users, Time duration, std::uint64_t seed, Time start_within = {});

// Leaves out turns that start at or after the instant on the recorded timeline.
Workload cut_at(const Workload&, Time duration);

}  // namespace kvplan

// Lower bounds on what a fleet needs, without simulating. Each holds for every
// run of the simulator that meets the SLO and keeps up, whatever router,
// eviction, order of requests or luck: so no bound cuts off an optimum.
//
// Roofline   A step with m new tokens takes at least i(s) + s m for every slope s, where i(s) is the least of
//            base(m) - s m over the step's budget: so the base of all steps is at least i(s) x steps + s x tokens.
//            Contexts, pairs and sampled rows cost what they cost. Steps are at least those that decoding takes
//            with max_num_seqs sequences a step, and with all private tokens of a step within G1.
// Drafts     A decode yields up to step_parts / token_parts tokens a step: so many times fewer steps, each of which
//            attends to its context once. What the draft itself takes is left out.
// Overlap    Of the host's part of a step and the rest the longer counts: the host's part is left out of work, and a
//            step takes no less than it.
// Hits       What is hit need not be computed. A hit on a single-file block takes tokens x think time of cache
//            space, and all tiers together have capacity x time: the hits that save most fill it first (fractional
//            knapsack). That is a miss-ratio curve which no policy can beat.
// Links      Hits are from G1, whose space alone bounds them, or loaded, and all links of the replicas carry
//            rate x time.
// Alone      A request alone on a replica, with every possible hit in G1, takes its front end, its own tokens and
//            its own decode steps. Where a quantile or mean of that exceeds its limit, no fleet meets it.
//
// All but the last give a time of all GPUs, which has to fit into replicas x the time at pace (plan/load_facts.hpp).
#pragma once

#include <optional>
#include <string>

#include "plan/load_facts.hpp"
#include "sim/config.hpp"

namespace kvplan {

// One replica and its share of the tiers below, in tokens.
struct Machine {
  const StepTime* step = nullptr;
  const EngineConfig* engine = nullptr;
  double g1_tokens = 0;
  double below_tokens_per_node = 0;  // DRAM and SSD
  double below_tokens_of_fleet = 0;  // the remote store
  double loaded_tokens_per_s = 0;    // over the links of one replica, at most
  std::int64_t replicas_per_node = 1;
};

// The machine of a configuration; refers to it.
Machine machine_of(const SimulationConfig&);
std::int64_t most_tokens_of(const SimulationConfig&);  // of a request that is not refused

class Bounds {
 public:
  // time_s: from the first arrival, within which the load must have been served; nothing when nothing says so. Keeps
  // references.
  Bounds(const LoadFacts&, const Machine&, std::optional<double> time_s);

  // GPU time of all replicas that serving takes at least, on so many replicas.
  double work_s(std::int64_t replicas) const { return work_s(replicas, machine_); }
  // The smallest number that is not ruled out, or nothing when more than `most` are needed.
  std::optional<std::int64_t> least_replicas(std::int64_t most) const { return least_replicas(most, machine_); }
  // The same for a machine that differs in the tiers below and their links alone.
  double work_s(std::int64_t replicas, const Machine&) const;
  std::optional<std::int64_t> least_replicas(std::int64_t most, const Machine&) const;
  // What each part of the SLO is at the least (goodput: at the most), on any fleet; judged from that turn on.
  std::vector<double> alone(const Slo&, const Workload&, TurnId judged_from) const;

 private:
  // Hits by what they save for what they take, best first, with running sums.
  struct Curve {
    std::vector<double> cost, saved;
    double at(double budget) const;
  };
  // For one slope of the step's base.
  struct Form {
    double slope = 0, floor_s = 0;  // seconds a token, seconds a step
    double all_s = 0;               // without hits, but for those that are free
    Curve space, link;
  };
  Form form(double slope) const;
  double base_s(std::int64_t new_tokens) const;
  // Of one turn: the decode steps that yield its answer, and the context that they attend to on average.
  double decode_steps(const TurnFacts&) const;
  double decode_context(const TurnFacts&) const;

  const LoadFacts& facts_;
  const Machine machine_;  // whose step and engine must outlive this
  std::optional<double> time_s_;
  double yield_ = 1;      // tokens of a decode in a step, at most
  double host_s_ = 0;     // of a step with a sampled row, where it overlaps the rest: no part of the figures below
  double base_s_ = 0;     // least base of a step
  double rate_s_ = 0;     // least base of a token, of any step
  double head_s_ = 0;     // least head of a sampled row
  double context_s_ = 0;  // of a token of context
  double steps_ = 0;      // at least
  std::vector<Form> forms_;
};

}  // namespace kvplan

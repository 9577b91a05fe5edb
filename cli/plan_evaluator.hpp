// What a fleet makes of the load: simulated on as many replications as it takes to decide, on the same loads for
// every fleet (common random numbers), and remembered.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "cli/plan_space.hpp"
#include "plan/step_draw.hpp"
#include "reports/verdict.hpp"

namespace kvplan {

// A world that differs from the one at hand: what sensitivities and regret ask about.
struct Tweak {
  StepDraw steps;         // where in their interval the parts of step times lie
  double steps_longer = 1;  // factor on all of them
  double link = 1, frontend = 1;
  double dram_bytes = 0;        // a node, more
  double link_bytes_per_s = 0;  // on each limit of the node, more
  double spares_fail_after_s = 0;  // of the first arrival: as many nodes as are spare fail, for good; 0: none does
};

inline constexpr double kUncalibrated = 0.15;  // assumed half of the 90 % interval of what no calibration covers

struct LoadSet {
  std::vector<ArmBounds::Load> loads;
  std::string name;  // "" for the load that is planned for
};

struct FleetOutcome {
  bool feasible = false;
  std::string why;             // not
  std::vector<Estimated> slo;  // in the order of the SLO
  double ratio = 0;            // worst of value / limit
  std::size_t binding = 0;     // the part of the SLO that is nearest to its limit
  State state = State::stable;
  std::string bottleneck;
  double busy = 0, output_tokens_per_s = 0;
  double served_s = 0;                 // from first arrival to last finish
  double hit_share[4] = {0, 0, 0, 0};  // of prompt tokens: HBM, DRAM, SSD, remote
  double latency = 0;                  // of a latency objective
  std::int64_t refused = 0;
  std::size_t runs = 0;
};

class Evaluator {
 public:
  Evaluator(const PlanRequest& request, const ArmSet& set, const Architecture& model)
      : request_(request), set_(set), model_(model) {}

  // `thorough`: all replications, whether or not they are needed to decide.
  FleetOutcome run(std::size_t arm, std::int64_t replicas, const LoadSet&, const Tweak& tweak = {},
                   bool thorough = false);

  // Of a fleet of `replicas` of which `running` serve the load as `outcome` tells.
  Cost cost(std::size_t arm, std::int64_t replicas, std::int64_t running, const FleetOutcome&) const;
  double value(std::size_t arm, std::int64_t replicas, std::int64_t running, const FleetOutcome&) const;
  // Never more than the value of any run.
  double floor(std::size_t arm, std::int64_t replicas, double fastest_s, double output_tokens,
               const std::vector<double>& alone) const;
  // Replicas that are bought so that `running` are left when spare nodes are lost.
  std::int64_t with_spares(std::size_t arm, std::int64_t running) const;
  // "" when within. What energy costs depends on the run: without an outcome GPUs are idle.
  std::string over_limits(std::size_t arm, std::int64_t replicas, std::int64_t running = 0, const FleetOutcome& = {}) const;

  std::int64_t simulations() const { return simulations_; }
  std::int64_t turns_simulated() const { return turns_; }
  SimulationConfig config(std::size_t arm, std::int64_t replicas, const Tweak&) const;
  bool calibrated(std::size_t arm) const;  // step times have an interval of their own

 private:
  struct Run;
  SimulationConfig built(std::size_t arm, std::int64_t replicas, const char* end_of_step_times = nullptr) const;
  // With step times at "low" or "high" of their interval; nothing without one.
  std::optional<SimulationConfig> at_end(std::size_t arm, std::int64_t replicas, const char* end) const;
  void redraw(SimulationConfig&, std::size_t arm, const StepDraw&) const;
  Run simulate_once(SimulationConfig, const Tweak&, const ArmBounds::Load&) const;
  bool decide(const std::vector<Run>&, FleetOutcome&) const;
  void add_run(const Run&, double share, FleetOutcome&) const;
  void judge_slo(FleetOutcome&) const;

  const PlanRequest& request_;
  const ArmSet& set_;
  const Architecture& model_;
  std::mutex mutex_;
  std::map<std::string, FleetOutcome> known_;
  std::int64_t simulations_ = 0, turns_ = 0;
};

}  // namespace kvplan

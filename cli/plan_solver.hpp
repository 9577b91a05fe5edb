// From a request to the best fleet of each hardware, and what the questions around the decision need.
#pragma once

#include <ostream>

#include "cli/plan_evaluator.hpp"
#include "plan/search.hpp"

namespace kvplan {

// A fleet that meets the SLO with its spare nodes lost.
struct Found {
  std::size_t arm = 0;
  std::int64_t running = 0;   // replicas that meet the SLO
  std::int64_t replicas = 0;  // with spares
  double value = 0;
};

class PlanSolver {
 public:
  // Reads the loads. InputError where they cannot tell what is asked.
  PlanSolver(PlanRequest request, int threads, std::ostream& err);

  // The best fleet, and the best of each hardware. Nothing where no fleet will do.
  std::optional<Found> solve();
  // The same by judging every arm with every number of replicas: for tests.
  std::optional<Found> solve_exhaustively(std::int64_t& judged);

  const PlanRequest& request() const { return request_; }
  const ArmSet& set() const { return set_; }
  const ArmBounds& bounds() const { return *bounds_; }
  const LoadSet& load() const { return load_; }
  Evaluator& evaluator() { return *evaluator_; }
  const SearchResult& searched() const { return searched_; }
  const std::vector<Found>& best_by_hardware() const { return best_by_hardware_; }
  const std::vector<std::string>& notes() const { return notes_; }
  std::string why_ruled_out(std::size_t arm) const;  // "" when some number of its replicas may do
  const Architecture& model() const { return model_; }
  int threads() const { return threads_; }

  // One replication's load with other figures: factors on users (or arrivals) and on think times.
  LoadSet load_with(const std::string& name, double users_factor, double think_factor,
                    std::size_t replication = 0) const;
  // The replicas in service of a fleet's arm in another world: the fewest that meet the SLO within the limits, or as
  // many as now where latency is what is bought. Nothing when none will do.
  std::optional<std::int64_t> resized(const Found&, const LoadSet&, const Tweak&);

 private:
  bool an_arm_draws() const;  // whose router chooses at random
  void read_loads(std::ostream& err);
  void find_warm_up();
  void check_lengths() const;
  SearchSpace space(const std::string& hardware) const;
  std::optional<ReplicaRange> range(std::size_t arm) const;  // in service: what is looked at
  std::optional<std::int64_t> least(std::size_t arm) const;  // that bounds leave, and that can be had
  std::int64_t most_within_limits(std::size_t arm) const;
  bool can_be_had(std::size_t arm, std::int64_t running) const;  // with its spares
  Judged judge(std::size_t arm, std::int64_t running) const;
  double floor(std::size_t arm, std::int64_t running) const;

  PlanRequest request_;
  const int threads_;
  Architecture model_;
  ArmSet set_;
  LoadSet load_;
  double output_tokens_ = 0;
  std::unique_ptr<ArmBounds> bounds_;
  std::unique_ptr<Evaluator> evaluator_;
  SearchResult searched_;
  std::vector<Found> best_by_hardware_;
  std::vector<std::string> notes_;
};

}  // namespace kvplan

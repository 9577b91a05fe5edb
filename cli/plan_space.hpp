// The arms of a plan's search (plan/search.hpp): the points of its design without those that are the same fleet by
// another name (SSD sizes where no SSD is used), that do not fit, or that nobody sells; with bounds for each.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cli/plan_request.hpp"
#include "cli/replay.hpp"
#include "plan/bounds.hpp"
#include "plan/load_facts.hpp"

namespace kvplan {

struct Arm {
  Json values;            // {path: value}; of the design
  std::size_t group = 0;  // arms that differ in memory sizes alone
  std::shared_ptr<const Hardware> hardware;
  Built built;       // with as many replicas as fill one node
  std::string mode;  // offload.mode
  // Of a node that is not full: as large as of a full one, or the share of the replicas that are there.
  bool dram_is_shared_out = false, ssd_is_shared_out = false;
  Fleet fleet(std::int64_t replicas) const;
  std::string name() const;  // "gh200-96 tp1 dram dram=400 GB"
};

struct ArmSet {
  std::vector<Arm> arms;
  std::int64_t points = 0;  // of the design
  std::int64_t same = 0;    // of them: the same fleet as another one
  struct Unfit {
    std::string hardware, why;
    std::int64_t points = 0;
  };
  std::vector<Unfit> unfit;
};

// InputError: a hardware without a price, nothing to search.
ArmSet arms_of(const PlanRequest&, const Architecture&);

// What the loads of all replications and the SLO rule out.
class ArmBounds {
 public:
  struct Load {
    std::shared_ptr<const Workload> workload;
    TurnId judged_from = 0;
    std::int64_t replication = 0;  // a router that draws has a seed for each
  };
  ArmBounds(const PlanRequest&, const ArmSet&, const std::vector<Load>&, int threads);

  struct Need {
    std::optional<std::int64_t> replicas;
    std::string why;            // of no number of replicas
    std::vector<double> alone;  // what each part of the SLO is at the least, on any fleet
  };
  const Need& of(std::size_t arm) const { return needs_[arm]; }
  double fastest_s() const { return fastest_s_; }  // from first arrival to last finish at the least, on any fleet

 private:
  std::vector<Need> needs_;
  double fastest_s_ = std::numeric_limits<double>::infinity();
};

}  // namespace kvplan

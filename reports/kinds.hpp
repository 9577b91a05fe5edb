// What each kind of a fleet's replicas cost and did. A plain fleet has one kind, decode replicas of their own counted
// in.
#pragma once

#include <string>
#include <vector>

#include "reports/result_document.hpp"

namespace kvplan {

struct Energy {
  double prefill = 0, decode = 0, idle = 0;  // joules of all GPUs
  double total() const { return prefill + decode + idle; }
};

struct KindShare {
  const Hardware* hardware = nullptr;
  double gpus = 0;  // paid for, as a mean over the run
  double usd_per_hour = 0;
  double gpu_s = 0, busy_gpu_s = 0;  // paid for, and of that computing
  Energy energy;

  double busy_fraction() const { return gpu_s > 0 ? busy_gpu_s / gpu_s : 0; }
};

// Between the first arrival and the last end, `span_s`; in the order of the kinds.
std::vector<KindShare> kind_shares(const RunFacts&, double span_s);

// Of a mixed fleet: the block of the result, and a note for each kind.
Json kinds_block(const RunFacts&, const std::vector<KindShare>&);
std::vector<std::string> kind_notes(const RunFacts&, const std::vector<KindShare>&);

}  // namespace kvplan

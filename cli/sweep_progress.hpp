// How far a sweep is, on stderr: a line that renews itself on a terminal, a line
// every few seconds elsewhere, and nothing for a sweep that is done sooner.
#pragma once

#include <chrono>
#include <ostream>

#include "plan/run_points.hpp"

namespace kvplan {

class SweepProgress {
 public:
  SweepProgress(std::ostream& err, bool terminal) : err_(err), terminal_(terminal) {}

  void show(const PointCounts&);
  void clear();  // before something else is printed

 private:
  using Clock = std::chrono::steady_clock;
  std::ostream& err_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now(), shown_ = start_;
};

// "34 of 120 points, 2 failed, 1 min 5 s left"; the rest is estimated from the cost of what is done.
std::string progress_text(const PointCounts&, double elapsed_s);

}  // namespace kvplan

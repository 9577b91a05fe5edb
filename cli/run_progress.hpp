// How far a simulation is: a line on a terminal that renews itself, from the second second on.
#pragma once

#include <chrono>
#include <ostream>
#include <string>

#include "base/units.hpp"

namespace kvplan {

class RunProgress {
 public:
  RunProgress(std::ostream& err, bool terminal, double after_s = 1)
      : err_(err), terminal_(terminal), after_s_(after_s) {}
  ~RunProgress();  // takes the line away
  RunProgress(const RunProgress&) = delete;
  RunProgress& operator=(const RunProgress&) = delete;

  void at(Time simulated, Time last_arrival);

 private:
  using Clock = std::chrono::steady_clock;
  std::ostream& err_;
  bool terminal_, drawn_ = false;
  double after_s_;
  Clock::time_point start_ = Clock::now(), shown_ = start_;
};

// Is stderr a terminal that moves its cursor?
bool progress_wanted();

// "1 h of 4 h simulated, 1,800 x real time, 6 s left": what is left goes by the arrivals to come.
std::string progress_line(Time simulated, Time last_arrival, double elapsed_s);

}  // namespace kvplan

// Works through the points of a sweep on several threads, longest first, and
// leaves a record of each in the folder. Records that are there already are
// kept; a point that another process is working at is waited for, and taken
// over should that process die.
//
// A record is {result, failure}: one of both is null, and a failure is {code,
// reason}. Only what follows from the point itself is recorded (it is
// infeasible, or its input is bad). Anything else, such as want of memory, is
// told in SweepOutcome::errors, and the point stays to be done.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "plan/manifest.hpp"
#include "plan/shard.hpp"

namespace kvplan {

// The result of a point; throws InputError or InfeasibleError. Called on any thread.
using Evaluate = std::function<Json(const SweepPoint&)>;

struct PointCounts {
  std::int64_t points = 0, kept = 0, done = 0, failed = 0, running = 0;
  double cost = 0, cost_done = 0;  // of the points that were not kept
  bool stopping = false;
  std::int64_t recorded() const { return kept + done + failed; }
};

// Called about ten times a second by the thread that waits; false asks to stop
// once the points that run are done.
using Tick = std::function<bool(const PointCounts&)>;

struct SweepOutcome {
  PointCounts progress;
  std::vector<std::string> errors;
};

// The order of work: groups of points that share their load stand together, the
// dearest first; inside of a group the dearest point first. Equal points appear once.
std::vector<SweepPoint> work_order(const std::vector<SweepPoint>& points);

// Every count-th point of that order, from the index-th on.
std::vector<SweepPoint> part_of(const std::vector<SweepPoint>& ordered, const Shard&);

// `points` in the order of work. InputError when the folder cannot be written.
SweepOutcome run_points(const ResultFolder&, const std::vector<SweepPoint>& points, int threads, const Evaluate&,
                        const Tick&);

// A failed result as it is recorded.
Json failure_record(ExitCode code, const std::string& reason);

}  // namespace kvplan

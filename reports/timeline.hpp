// A run in Chrome's trace format, for Perfetto: a process a replica, with a lane of steps, a counter of what its HBM
// holds and a track a request; a process a node, with a lane a route of its links and a counter a memory below HBM.
//
// Slices of a lane do not overlap and ascend; times are microseconds with three digits, rounded down. What would go
// beyond `most` events is thinned: every k-th request, k steps or transfers of a lane as one slice that says so.
#pragma once

#include <string>

#include "reports/kept_run.hpp"

namespace kvplan {

struct TimelineOptions {
  Time from{0}, to = Time::max();
  std::int64_t every = 1;       // of the requests, at least
  std::int64_t most = 200'000;  // events in the file, about
};

struct Timeline {
  std::string json;
  std::int64_t events = 0, requests = 0, every = 1;  // written; every how many-th request
  std::int64_t slices_merged = 1;                    // steps or transfers in one slice, at most
};

// Of a folder that keeps events. InputError.
Timeline timeline_of(const std::string& folder, const TimelineOptions&);

}  // namespace kvplan

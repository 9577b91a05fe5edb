// The lanes of a timeline, gathered from the log of a run: what replicas, routes and memories did, one after the other.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reports/timeline.hpp"

namespace kvplan {

// What a lane did between two instants; after thinning, several things in a row.
struct Slice {
  Time from, to;
  const char* name;  // one of few
  bool is_steps;
  std::int64_t count = 1;                              // engine steps, or transfers
  std::int64_t decodes = 0, tokens = 0, stall_ps = 0;  // of steps: the batch; at most, after thinning
  std::int64_t bytes = 0, turn = -1;                   // of transfers
  Time busy{0};                                        // of the time between
  std::string args() const;
};

// What a memory holds from an instant on.
struct Level {
  Time at;
  std::int64_t blocks;
};

class Lanes {
 public:
  explicit Lanes(const TimelineOptions& window) : window_(window) {}

  void begin(const KeptLimits&);
  void see(const Event&);

  // To about `most` in all; how many things one slice stands for, at most.
  std::int64_t thin(std::int64_t most);

  const KeptLimits& limits() const { return limits_; }
  std::string route_name(std::int64_t node, std::size_t route) const;
  const std::vector<std::vector<Slice>>& steps() const { return steps_; }  // by replica
  const std::map<std::pair<std::int64_t, std::size_t>, std::vector<Slice>>& transfers() const { return transfers_; }
  const std::vector<std::vector<Level>>& levels() const { return levels_; }  // by memory

 private:
  struct Waiting {
    std::int64_t bytes, turn;
    Time starts;
  };
  void see_step(const Event&);
  void see_transfer(const Event&);
  void see_memory(const Event&);
  bool touches(Time from, Time to) const { return from <= window_.to && to >= window_.from; }

  const TimelineOptions& window_;
  KeptLimits limits_;
  std::vector<Event> batch_;  // by replica: the last
  std::vector<std::vector<Slice>> steps_;
  std::map<std::pair<std::int64_t, std::size_t>, std::deque<Waiting>> queues_;
  std::map<std::pair<std::int64_t, std::size_t>, std::vector<Slice>> transfers_;
  std::vector<std::vector<Level>> levels_;
  std::vector<std::int64_t> blocks_;  // by memory, now
};

}  // namespace kvplan

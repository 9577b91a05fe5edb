// Which replicas take requests, and when that changes: failures and drains of nodes that the scenario tells, and
// scaling between a least and a most number of replicas.
//
//   off -> starting -> open -> draining -> off   by scaling: a replica takes `delay` to start, and ends what it has
//   ... -> down                                  its node has failed, or has been drained and is empty
//   down -> open                                 the node is back; where the fleet scales: down -> off
//
// Scaling, once an interval: as many replicas are wanted as keep the requests that open replicas have, and those that
// nobody has taken, at `target` a replica. What is missing starts at once, the lowest numbers first. What is too much
// since `cooldown` drains, the highest numbers first, those that are still starting ahead of the others.
//
// Invariant: open() lists the replicas in state open, ascending. What is to happen at known instants lies in a queue,
// ordered by time and then by when it was put there.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <vector>

#include "sim/config.hpp"
#include "sim/event_log.hpp"
#include "sim/layout.hpp"
#include "sim/result.hpp"

namespace kvplan {

class Availability {
 public:
  enum class State : std::uint8_t { off, starting, open, draining, down };
  struct Change {
    enum Kind : std::uint8_t { none, fail, drain, back, ready, scale } kind = none;
    std::uint32_t who = 0;    // the replica of ready, else the node
    Time down = Time::max();  // of fail and drain: how long the node is away
  };

  Availability(const SimulationConfig&, const Layout&);

  // Whether the fleet is ever anything but all replicas, open.
  bool changes() const { return !outages_.empty() || scales(); }
  const std::vector<std::uint32_t>& open() const { return open_; }
  State state(std::uint32_t replica) const { return states_[replica]; }
  std::int64_t draining() const { return draining_; }
  // Whether all its replicas are down.
  bool away(std::uint32_t node) const;
  // Whether no other replica of its node has anything.
  bool last_on_node(std::uint32_t replica) const;
  // Whether a replica of a kind may yet take requests, now or later.
  bool may_open(std::uint32_t kind) const;

  Time next() const { return queue_.empty() ? Time::max() : queue_.top().at; }
  Change take(Time at);  // what is due at `at`, one after the other, then none

  // From the first event on: states go to the log.
  void watch(EventLog* log);
  // Its replicas that had anything; all of the node is down.
  std::vector<std::uint32_t> fail(const Change&, Time at);
  bool drain(const Change&, Time at);  // whether there was anything to drain
  void back(const Change&, Time at);
  void ready(const Change&, Time at);
  // `requests`: of open replicas, and those that nobody has taken.
  void scale(std::int64_t requests, Time at);
  // A draining replica is empty.
  void close(std::uint32_t replica, Time at);

  // Of the replicas that were starting, open or draining: their mean number from one instant to another, in all and of
  // each kind.
  void tell_means(FleetHistory&, Time from, Time to) const;
  std::int64_t started = 0, stopped = 0;  // by scaling

 private:
  struct Due {
    Time at;
    std::uint64_t sequence;
    Change change;
    bool operator>(const Due& o) const { return at != o.at ? at > o.at : sequence > o.sequence; }
  };

  bool scales() const { return scaling_.min_replicas > 0; }
  void put(Time at, const Change& change) { queue_.push({at, sequence_++, change}); }
  void put_back(std::uint32_t node, Time down, Time at);
  void set(std::uint32_t replica, State state, Time at);
  static bool up(State s) { return s == State::open || s == State::draining; }
  static bool paid(State s) { return s == State::starting || up(s); }
  std::uint32_t node_of(std::uint32_t replica) const { return layout_.node_of(replica); }
  std::uint32_t first_of(std::uint32_t node) const { return layout_.node(node).first; }
  std::uint32_t end_of(std::uint32_t node) const { return layout_.node(node).end; }

  const Layout& layout_;
  const std::vector<Outage>& outages_;
  const ScalingConfig& scaling_;
  EventLog* log_ = nullptr;
  std::vector<State> states_;  // by replica
  std::vector<Time> since_;    // by replica: when it was last paid for anew, or no longer
  std::vector<std::uint32_t> open_;
  std::int64_t draining_ = 0;
  std::vector<std::uint8_t> leaving_;  // by node: being drained, or down
  std::vector<Time> down_for_;         // by node that is being drained: how long it is away then
  std::vector<std::int64_t> backs_;    // by kind: nodes that will be back
  std::vector<std::int64_t> repairs_;  // by node: failures to come after which it is back
  std::priority_queue<Due, std::vector<Due>, std::greater<>> queue_;
  std::uint64_t sequence_ = 0;
  std::deque<std::pair<Time, std::int64_t>> wanted_;  // replicas, within the cooldown
  std::vector<PaidChange> paid_changes_;              // in order of time
};

}  // namespace kvplan

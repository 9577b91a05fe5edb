// Concurrent transfers over the links of one node, sharing by max-min fairness.
//
// A flow lies on a route (hardware/topology.hpp) and has two phases: first the
// per-segment cost of its copies, in which it moves nothing, then its bytes, at
// a rate that it shares with the other flows. Alone on its route it takes
// segments * alpha + bytes / rate.
//
// Exactness. Rates are whole bytes per second, rounded down at each division of
// the filling below, and change only when a flow starts to move or ends. What a
// flow has left is an exact 128-bit count of bytes x 1e12, of which it moves
// rate x picoseconds. So no result depends on how often the network is looked at.
//
// Some limits are lower while a replica's GPUs run steps (set_busy): that a replica begins or stops to compute is then
// another instant at which rates change.
//
// Max-min by progressive filling: the limit with the smallest fair share
// (what is left of it / weights of the flows without a rate, rounded down; ties
// to the first limit) gives that share to its flows; repeat on the rest.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.hpp"
#include "hardware/topology.hpp"
#include "sim/event_log.hpp"
#include "sim/result.hpp"
#include "sim/transfer.hpp"

namespace kvplan {

class FlowNetwork {
 public:
  using RouteId = std::uint32_t;

  explicit FlowNetwork(const NodeLinks& links);
  // Routes by number, for one purpose.
  FlowNetwork(const std::vector<Limit>& limits, const std::vector<Route>& routes);

  // What a route is for. Tier 0 is G2, 1 and on are those beyond it.
  struct Purpose {
    enum Kind : std::uint8_t { load, store, write, prefetch } kind;
    std::uint32_t tier;
    std::uint32_t replica_on_node;  // but of writes
  };
  Purpose purpose(RouteId route) const;
  RouteId load_route(std::uint32_t tier, std::uint32_t replica_on_node) const {
    return tier == 0 ? 2 * replica_on_node : 2 * replicas_ + (tier - 1) * tier_routes_ + replica_on_node;
  }
  RouteId store_route(std::uint32_t replica_on_node) const { return 2 * replica_on_node + 1; }
  RouteId write_route(std::uint32_t tier) const { return load_route(tier, replicas_); }
  RouteId prefetch_route(std::uint32_t tier, std::uint32_t replica_on_node) const {
    return load_route(tier, replicas_ + 1 + replica_on_node);
  }

  void watch(EventLog* log, std::uint32_t node) {
    log_ = log;
    node_ = node;
  }

  // A transfer joins the queue of its route.
  void note(RouteId route, const Transfer&, std::uint32_t turn, const PrefixChains&) const;

  // Starts the one flow that a route can have. Bytes and segments are of one GPU's stream.
  void start(RouteId route, Bytes bytes, std::int64_t segments, Time at);
  bool active(RouteId route) const { return flows_[route].phase != Phase::idle; }
  // Of an active flow: when `1 / parts` of it would have arrived at its present rate.
  Time estimated_first_part(RouteId route, std::int64_t parts, Time at) const;

  // Of the flow in flight: its end at its present rate. Of one more on the route: how long it would take at the fair
  // share that its limits have for it now.
  Time estimated_end(RouteId route, Time at) const;
  Time estimated_time(RouteId route, Bytes bytes, std::int64_t segments) const;

  // The next instant at which a flow starts to move or ends.
  Time next_event() const { return next_event_; }
  // Carries out what happens at next_event(); returns the route of the flow
  // that ended, or kNone. Several flows may end at one instant: call again
  // while next_event() stays.
  RouteId advance();

  // Whether steps of a replica slow its copies; and that it begins to run some, or stops. None runs at first, or after
  // a cut. Called again with what it is already, it does nothing.
  bool slowed_by_steps() const { return !busy_limits_.empty(); }
  void set_busy(std::uint32_t replica_on_node, bool busy, Time at);

  // All flows are lost; what they have moved counts.
  void cut(Time at);

  std::vector<LinkUsage> usage(const std::string& prefix) const;
  // What each limit has moved up to `at`, which is not after next_event(); appends to `bytes`.
  void add_bytes_until(Time at, std::vector<Bytes>& bytes) const;

 private:
  enum class Phase : std::uint8_t { idle, waiting, moving };
  struct Flow {
    Phase phase = Phase::idle;
    Bytes bytes{0};
    Time waits_until{0};
    __extension__ __int128 left = 0;  // bytes x 1e12
    std::int64_t rate = 0;            // bytes per second
    Time ends{0};
  };
  struct LimitState {
    std::int64_t capacity = 0;
    std::int32_t moving_flows = 0;
    Time busy_since{0};
    Time busy{0};
    Time last_moved{0};
    void rest(Time at) { busy += at - busy_since, last_moved = at; }
    Bytes bytes{0};
    std::int64_t left = 0;     // scratch of fill()
    std::int64_t weights = 0;  // scratch of fill()
  };

  struct Paced {  // a limit, by what the replica does
    BusyLimit busy;
    std::int64_t idle_bytes_per_s = 0;
    bool is_busy = false;
  };

  void add_limits(const std::vector<Limit>& limits);
  void add_route(const Route& route);
  Time estimated_bytes_time(RouteId route, Bytes bytes) const;
  const std::vector<LimitUse>& uses(RouteId route) const { return uses_[route]; }
  void begin_moving(RouteId route, Time at);
  void end(RouteId route, Time at);
  void settle(Time at);  // moves every flow's bytes up to `at`
  void fill();           // gives every moving flow its max-min rate
  void find_next_event();

  EventLog* log_ = nullptr;
  std::uint32_t node_ = 0;
  std::uint32_t replicas_ = 0;
  std::uint32_t tier_routes_ = 0;  // of each tier beyond G2: loads, the write, prefetches
  std::vector<std::string> limit_names_;
  std::vector<LimitState> limits_;
  std::vector<Paced> busy_limits_;
  std::vector<std::vector<LimitUse>> uses_;  // by route
  std::vector<Route> routes_;                // what their transfers cost beside bytes
  std::vector<Flow> flows_;                  // by route
  std::vector<RouteId> moving_;              // ascending
  std::vector<RouteId> waiting_;             // ascending
  std::vector<RouteId> unrated_;             // scratch of fill()
  Time settled_{0};
  Time next_event_ = Time::max();
  RouteId next_route_ = kNone;
};

}  // namespace kvplan

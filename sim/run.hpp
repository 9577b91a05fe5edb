// One run as it goes on: simulation.cpp has its events, fleet_changes.cpp what happens when replicas come and go.
#pragma once

#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "sim/availability.hpp"
#include "sim/calendar.hpp"
#include "sim/eviction/foresight.hpp"
#include "sim/handover.hpp"
#include "sim/layout.hpp"
#include "sim/pools.hpp"
#include "sim/replica.hpp"
#include "sim/routing/router.hpp"
#include "sim/series.hpp"
#include "sim/simulation.hpp"

namespace kvplan {

// Same-time order: ends of transfers, then of prompts handed over, then changes of the fleet, then arrivals, then step
// boundaries; among equals the lower number. A step that begins at t sees all that happened at t.
class Simulation {
 public:
  Simulation(const Workload& workload, const PrefixChains& chains, const SimulationConfig& config, Executor* executor,
             EventLog* log);
  SimulationResult run(Series* series = nullptr);

 private:
  using Ready = std::pair<Time, TurnId>;  // when a turn leaves the front end, or has to be let into it

  std::uint32_t network_actor(std::uint32_t node) const { return node; }
  std::uint32_t handover_actor() const { return layout_.nodes(); }
  std::uint32_t fleet_actor() const { return layout_.nodes() + 1; }
  std::uint32_t arrivals_actor() const { return layout_.nodes() + 2; }
  std::uint32_t replica_actor(std::uint32_t replica) const { return layout_.nodes() + 3 + replica; }
  // Decode replicas of their own are numbered behind the others.
  std::uint32_t all_replicas() const { return static_cast<std::uint32_t>(replicas_.size() + decoders_.size()); }
  Replica& replica(std::uint32_t id) const {
    return id < replicas_.size() ? *replicas_[id] : *decoders_[id - replicas_.size()];
  }

  std::unique_ptr<EvictionPolicy> eviction(Eviction, const SimulationConfig& kind, Bytes capacity);
  Scope scope_of(std::size_t level) const;
  std::uint32_t owners(Scope scope) const;
  std::uint32_t owner(Scope scope, std::uint32_t replica) const;
  const SimulationConfig& kind_of_owner(Scope scope, std::uint32_t owner) const;
  void make_tier(std::size_t level, std::uint32_t owner);
  void make_writers(std::uint32_t node);
  void make_replica(std::uint32_t replica);
  void schedule_arrival(TurnId turn, Time at);
  void announce_arrival();
  bool front_end_takes_turns() const;
  void pass_front_end(TurnId turn, Time at);
  void handle_transfers(std::uint32_t node, Time at);
  void end_transfer(FlowNetwork::Purpose purpose, std::uint32_t node, std::uint32_t replica, Time at);
  void handle_arrivals(Time at);
  void end_here(TurnId turn, Refusal why, Time finish);
  void settle_stepped(Time at);
  void handle_step(std::uint32_t replica, Time at);
  void make_decoders();
  void announce(const RunState::OwnPrompt& prompt, std::uint32_t from, Time at);
  void pass_on_prompts(std::uint32_t replica, Time at);
  void handle_handover(Time at);
  void start_successors(Time at);
  void begin_executor();
  void watch();
  bool take_report(Time until);
  bool refuse(TurnId turn);
  bool fits_anywhere(const Turn& turn) const;
  void refresh(std::uint32_t replica);
  Sample sample(Time at);
  void audit() const;
  void count_g1(std::uint32_t replica);
  void count_tier(std::size_t level, std::uint32_t owner);
  void finish();

  // fleet_changes.cpp: replicas that come and go
  OpenReplicas open_replicas() const { return {replicas_, availability_.open()}; }
  // The open ones whose memory can hold all of a turn; and whether one may yet open.
  const std::vector<std::uint32_t>& takers(TurnId turn);
  bool taker_may_come(TurnId turn) const;
  void announce_fleet();
  void handle_fleet(Time at);
  void place(const Stranded& request, Time at);
  void place_held(Time at);
  std::int64_t requests_to_serve(Time at);
  void lose_node(const Availability::Change& fails, Time at);
  void close_drained(Time at);
  bool can_close(std::uint32_t replica) const;
  void renew_replica(std::uint32_t replica);
  void renew_tier(std::size_t level, std::uint32_t owner);
  void renew_node(std::uint32_t node);

  const Workload& workload_;
  const SimulationConfig& config_;
  const Layout layout_;
  Foresight foresight_;
  RunState run_;
  std::vector<std::unique_ptr<FlowNetwork>> networks_;
  std::vector<std::vector<std::unique_ptr<LowerTier>>> tiers_;       // by tier: G2 first
  std::vector<std::vector<std::unique_ptr<WriteThrough>>> writers_;  // by node, by tier beyond G2
  std::vector<std::unique_ptr<Replica>> replicas_;
  Availability availability_;
  std::unique_ptr<Router> router_;
  std::vector<std::unique_ptr<Replica>> decoders_;  // with the next three, of disaggregation alone
  std::vector<std::uint32_t> decoder_numbers_;      // 0, 1, ...: none of them ever goes
  std::unique_ptr<Router> decode_router_;
  std::unique_ptr<Handover> handover_;
  std::vector<Stranded> held_;  // that no replica takes, in order of arrival
  const bool as_roomy_;         // G1 of all kinds: whatever fits one fits any
  std::vector<std::uint32_t> takers_;
  std::size_t ended_turns_ = 0;
  Calendar calendar_;
  Series no_series_;
  Series* series_ = &no_series_;        // never due, where nobody asked for one
  std::vector<Ready> static_arrivals_;  // sorted, latest first
  std::priority_queue<Ready, std::vector<Ready>, std::greater<>> later_arrivals_;
  Time front_end_free_{0};
  Time stepped_at_{-1};  // of the last step boundary, and the last replica that had one then
  std::uint32_t last_stepped_ = 0;
  std::vector<std::uint8_t> passed_;            // by turn, where the front end takes one request after the other
  std::vector<std::uint32_t> first_successor_;  // by turn, into successors_
  std::vector<TurnId> successors_;
  std::vector<Time> earliest_;         // by turn with `after`: arrival as far as the ended turns tell
  std::vector<std::uint8_t> awaited_;  // by turn with `after`: turns whose end it still awaits
};

}  // namespace kvplan

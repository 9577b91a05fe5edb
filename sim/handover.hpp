// Prefill and decode on replicas of their own: a prompt's KV on its way from the one to the other.
//
// Between a prefill and a decode replica prompts are handed over one after the other; pairs share what a replica can
// send, and receive, by max-min fairness. A prompt's pages stay taken on both sides until it is over: at the prefill
// replica from its computation on, at the decode replica from when that had room for all of it.
//
// whole       all of the prompt's KV that the decode replica lacks moves once the prompt is computed
// layerwise   the decode replica is chosen when the prompt's last step begins. If it has room by then, all layers but
//             the last move beside that step, and the last when it has ended; else as above
#pragma once

#include <boost/container/deque.hpp>
#include <optional>
#include <vector>

#include "sim/config.hpp"
#include "sim/decode_group.hpp"
#include "sim/flow_network.hpp"

namespace kvplan {

class Handover {
 public:
  // One prompt. `from` and `to` are the number of the prefill replica, and of the decode replica among its kind.
  struct Prompt {
    TurnId turn = kNone;
    std::uint32_t from = 0, to = 0;
    SequenceId source = kNone, target = kNone;
    Bytes bytes{0};  // that the decode replica lacks
    Bytes sent{0};   // of them
    bool computed = false, reserved = false;
  };

  Handover(const SimulationConfig& config, std::size_t turns);

  // In this order for each prompt, but that the last two may come the other way round.
  void announce(TurnId turn, std::uint32_t from, SequenceId source, std::uint32_t to);
  void reserved(TurnId turn, SequenceId target, Bytes bytes, Time at);
  void computed(TurnId turn, Time at);
  bool announced(TurnId turn) const { return by_turn_[turn] != kNone; }

  Time next_event() const { return next_; }
  // Carries out what happens at next_event(): the prompt whose hand-over has ended, if one has.
  std::optional<Prompt> advance();

  // Before anything happens.
  void watch(EventLog* log) { log_ = log; }

  Bytes moved() const { return moved_; }
  const FlowNetwork& network() const { return network_; }

 private:
  struct Part {
    std::uint32_t prompt;
    bool last;
  };
  Prompt& prompt(TurnId turn) { return prompts_[by_turn_[turn]]; }
  FlowNetwork::RouteId route(const Prompt& p) const { return p.from * decoders_ + p.to; }
  void send(std::uint32_t number, Bytes bytes, bool last, Time at);
  void start(FlowNetwork::RouteId route, Time at);
  std::optional<Prompt> end(std::uint32_t number);
  void find_next();
  void note(Happening what, const Prompt& p, Bytes bytes = Bytes(0)) const {
    if (log_ != nullptr) log_->add(what, prefills_ + p.to, p.turn, p.from, bytes.count);
  }

  struct Sent {
    Part part;
    Bytes bytes;
  };
  const std::uint32_t prefills_, decoders_;  // replicas
  const std::int64_t layers_;  // of which the last moves apart; 1: all at once
  FlowNetwork network_;
  std::vector<boost::container::deque<Sent>> queues_;  // by route: first in, first out, one in flight
  std::vector<Prompt> prompts_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> by_turn_;           // into prompts_
  boost::container::deque<std::uint32_t> over_;  // nothing had to move for these
  Time over_at_{0}, next_ = Time::max();
  Bytes moved_{0};
  EventLog* log_ = nullptr;
};

}  // namespace kvplan

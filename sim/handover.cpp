#include "sim/handover.hpp"

#include <algorithm>

namespace kvplan {

Handover::Handover(const SimulationConfig& config, std::size_t turns)
    : prefills_(static_cast<std::uint32_t>(config.replicas)),
      decoders_(static_cast<std::uint32_t>(config.decode_pool.front().replicas)),
      layers_(config.handoff.layerwise ? config.step_times[0].layers : 1),
      network_(config.handoff.limits, config.handoff.routes),
      queues_(config.handoff.routes.size()),
      by_turn_(turns, kNone) {
  KVPLAN_ASSERT(queues_.size() == std::size_t{prefills_} * decoders_);
}

void Handover::announce(TurnId turn, std::uint32_t from, SequenceId source, std::uint32_t to) {
  KVPLAN_ASSERT(!announced(turn));
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(prompts_.size()));
    prompts_.emplace_back();
  }
  by_turn_[turn] = free_.back();
  free_.pop_back();
  prompt(turn) = {turn, from, to, source, kNone, Bytes(0), Bytes(0), false, false};
}

void Handover::reserved(TurnId turn, SequenceId target, Bytes bytes, Time at) {
  Prompt& p = prompt(turn);
  p.target = target;
  p.bytes = bytes;
  p.reserved = true;
  const Bytes ahead = p.computed ? bytes : bytes - Bytes(ceil_div(bytes.count, layers_));
  if (p.computed || ahead > Bytes(0)) send(by_turn_[turn], ahead, p.computed, at);
}

void Handover::computed(TurnId turn, Time at) {
  Prompt& p = prompt(turn);
  p.computed = true;
  if (p.reserved) send(by_turn_[turn], p.bytes - p.sent, true, at);
}

void Handover::send(std::uint32_t number, Bytes bytes, bool last, Time at) {
  Prompt& p = prompts_[number];
  p.sent += bytes;
  moved_ += bytes;
  if (bytes == Bytes(0)) {
    over_.push_back(number);
    over_at_ = at;
  } else {
    const FlowNetwork::RouteId r = route(p);
    note(Happening::send, p, bytes);
    queues_[r].push_back({{number, last}, bytes});
    if (queues_[r].size() == 1) start(r, at);
  }
  find_next();
}

void Handover::start(FlowNetwork::RouteId r, Time at) { network_.start(r, queues_[r].front().bytes, 1, at); }

void Handover::find_next() { next_ = over_.empty() ? network_.next_event() : over_at_; }

std::optional<Handover::Prompt> Handover::advance() {
  std::optional<Prompt> ended;
  if (!over_.empty()) {
    ended = end(over_.front());
    over_.pop_front();
  } else {
    const Time at = network_.next_event();
    const FlowNetwork::RouteId r = network_.advance();
    if (r != kNone) {
      const auto [part, bytes] = queues_[r].front();
      note(Happening::sent, prompts_[part.prompt], bytes);
      queues_[r].pop_front();
      if (!queues_[r].empty()) start(r, at);
      if (part.last) ended = end(part.prompt);
    }
  }
  find_next();
  return ended;
}

std::optional<Handover::Prompt> Handover::end(std::uint32_t number) {
  const Prompt p = prompts_[number];
  KVPLAN_ASSERT(p.computed && p.reserved && p.sent == p.bytes);
  note(Happening::handed_over, p);
  by_turn_[p.turn] = kNone;
  free_.push_back(number);
  return p;
}

}  // namespace kvplan

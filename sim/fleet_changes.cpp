// What happens in a run when replicas come and go (sim/availability.hpp says when).
//
// Whoever goes is replaced by a new one of its number, which holds nothing: replicas, the tiers of their own and, with
// the last replica of a node, those of the node. Requests that lose their replica find another one through the router,
// at once, in the order of their arrival, and go on behind what they have emitted: their KV is computed again.
#include <algorithm>

#include "sim/run.hpp"

namespace kvplan {
namespace {

auto arrived_before(const SimulationResult& result) {
  return [&result](const Stranded& a, const Stranded& b) {
    const auto key = [&](const Stranded& s) { return std::pair(result.requests[s.turn].arrival, s.turn); };
    return key(a) < key(b);
  };
}

}  // namespace

// Whoever makes something due calls this. Nothing is, once all turns have ended.
void Simulation::announce_fleet() {
  const bool over = ended_turns_ == workload_.turns.size();
  calendar_.set(fleet_actor(), over ? Time::max() : std::min(availability_.next(), router_->next_look()));
}

void Simulation::handle_fleet(Time at) {
  using Change = Availability::Change;
  ++run_.result.events;
  settle_stepped(at);
  if (router_->next_look() == at) router_->look(open_replicas(), at);
  for (Change c = availability_.take(at); c.kind != Change::none; c = availability_.take(at)) {
    switch (c.kind) {
      case Change::fail:
        lose_node(c, at);
        break;
      case Change::drain:
        run_.result.fleet.drains += availability_.drain(c, at);
        break;
      case Change::back:
        availability_.back(c, at);
        break;
      case Change::ready:
        availability_.ready(c, at);
        break;
      case Change::scale:
        availability_.scale(requests_to_serve(at), at);
        break;
      case Change::none:
        break;
    }
  }
  if (availability_.draining() > 0) close_drained(at);
  place_held(at);
  announce_fleet();
}

void Simulation::place(const Stranded& request, Time at) {
  const std::vector<std::uint32_t>& open = takers(request.turn);
  if (!open.empty()) {
    const std::uint32_t replica = router_->choose(request.turn, {replicas_, open}, at);
    replicas_[replica]->arrive(request.turn, request.progress, at);
    refresh(replica);
  } else if (taker_may_come(request.turn)) {
    ++run_.result.fleet.held;
    if (run_.log != nullptr) run_.log->add(Happening::hold, kNone, request.turn);
    held_.insert(std::upper_bound(held_.begin(), held_.end(), request, arrived_before(run_.result)), request);
  } else {
    end_here(request.turn, Refusal::unavailable, at);
    start_successors(at);
  }
}

void Simulation::place_held(Time at) {
  if (held_.empty()) return;
  std::vector<Stranded> held;
  held.swap(held_);
  for (const Stranded& request : held) {
    if (takers(request.turn).empty() && taker_may_come(request.turn)) {
      held_.push_back(request);
    } else {
      place(request, at);
    }
  }
}

std::int64_t Simulation::requests_to_serve(Time at) {
  auto requests = static_cast<std::int64_t>(held_.size());
  for (const std::uint32_t r : availability_.open()) {
    replicas_[r]->settle(at);
    requests += load_of(*replicas_[r]);
  }
  return requests;
}

void Simulation::lose_node(const Availability::Change& fails, Time at) {
  for (auto& r : replicas_) r->settle(at);  // the log has their steps ahead of their end
  run_.result.fleet.failures += !availability_.away(fails.who);
  const std::vector<std::uint32_t> lost = availability_.fail(fails, at);
  if (lost.empty()) return;
  if (!networks_.empty()) networks_[fails.who]->cut(at);
  std::vector<Stranded> stranded;
  for (const std::uint32_t r : lost) {
    const std::vector<Stranded> had = replicas_[r]->abandon(at);
    stranded.insert(stranded.end(), had.begin(), had.end());
    router_->lost(r);
  }
  if (!writers_.empty()) {
    for (const auto& writer : writers_[fails.who]) writer->abandon();
  }
  renew_node(fails.who);
  std::sort(stranded.begin(), stranded.end(), arrived_before(run_.result));
  for (const Stranded& request : stranded) place(request, at);
}

// Those that drain and are empty go.
void Simulation::close_drained(Time at) {
  for (std::uint32_t r = 0; r < replicas_.size(); ++r) {
    if (availability_.state(r) != Availability::State::draining || !can_close(r)) continue;
    const bool last = availability_.last_on_node(r);
    availability_.close(r, at);
    router_->lost(r);
    if (last) {
      renew_node(layout_.node_of(r));
      continue;
    }
    for (std::size_t level = 0; level < tiers_.size(); ++level) {
      if (scope_of(level) == Scope::replica) renew_tier(level, r);
    }
    renew_replica(r);
  }
  announce_fleet();
}

// Not while anything is on its way from its memories, or, with the last one of a node, from the node's.
bool Simulation::can_close(std::uint32_t replica) const {
  if (!replicas_[replica]->quiet()) return false;
  if (writers_.empty()) return true;
  const bool last = availability_.last_on_node(replica);
  for (const auto& writer : writers_[layout_.node_of(replica)]) {
    if (last && !writer->idle()) return false;
    for (std::size_t level = 0; level < tiers_.size(); ++level) {
      if (scope_of(level) == Scope::replica && writer->uses(*tiers_[level][replica])) return false;
    }
  }
  return true;
}

void Simulation::renew_replica(std::uint32_t replica) {
  count_g1(replica);
  if (run_.log != nullptr) run_.log->add(Happening::lost, replica, kNone);
  make_replica(replica);
  replicas_[replica]->watch(run_.log);
  refresh(replica);
}

void Simulation::renew_tier(std::size_t level, std::uint32_t owner) {
  count_tier(level, owner);
  make_tier(level, owner);
  if (run_.log == nullptr) return;
  auto memory = static_cast<std::uint32_t>(replicas_.size()) + owner;
  for (std::size_t l = 0; l < level; ++l) memory += static_cast<std::uint32_t>(tiers_[l].size());
  run_.log->add(Happening::lost, memory, kNone);
  tiers_[level][owner]->watch({run_.log, memory});
}

void Simulation::renew_node(std::uint32_t node) {
  const std::uint32_t first = layout_.node(node).first, end = layout_.node(node).end;
  for (std::size_t level = 0; level < tiers_.size(); ++level) {
    if (scope_of(level) == Scope::node) renew_tier(level, node);
    for (std::uint32_t r = first; r < end && scope_of(level) == Scope::replica; ++r) renew_tier(level, r);
  }
  if (!writers_.empty()) make_writers(node);
  for (std::uint32_t r = first; r < end; ++r) renew_replica(r);
}

}  // namespace kvplan

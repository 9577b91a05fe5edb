#include "sim/availability.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace kvplan {

Availability::Availability(const SimulationConfig& c, const Layout& layout)
    : layout_(layout),
      outages_(c.outages),
      scaling_(c.scaling),
      states_(layout.replicas(), State::open),
      since_(states_.size(), Time(0)),
      backs_(layout.kinds(), 0) {
  const std::uint32_t nodes = layout.nodes();
  leaving_.assign(nodes, 0);
  down_for_.assign(nodes, Time::max());
  repairs_.assign(nodes, 0);
  for (std::uint32_t r = 0; r < states_.size(); ++r) {
    if (scales() && r >= static_cast<std::uint32_t>(scaling_.min_replicas)) {
      states_[r] = State::off;
    } else {
      open_.push_back(r);
      paid_changes_.push_back({Time(0), layout.kind_of(r), 1});
    }
  }
  for (const Outage& o : outages_) {
    KVPLAN_ASSERT(o.node < nodes);
    repairs_[o.node] += !o.drain && o.down != Time::max();
    put(o.at, {o.drain ? Change::drain : Change::fail, o.node, o.down});
  }
  if (scales()) put(scaling_.interval, {Change::scale, 0});
}

void Availability::watch(EventLog* log) {
  log_ = log;
  for (std::uint32_t r = 0; r < states_.size(); ++r) {
    if (states_[r] == State::off) log_->add(Happening::down, r, kNone);
  }
}

bool Availability::may_open(std::uint32_t kind) const {
  if (backs_[kind] > 0) return true;
  for (std::uint32_t r = 0; r < states_.size(); ++r) {
    if (layout_.kind_of(r) != kind) continue;
    const std::uint32_t node = node_of(r);
    if (states_[r] == State::open || states_[r] == State::starting) return true;
    if (states_[r] == State::off && scales() && !leaving_[node]) return true;
    // One that drains for good, and fails before it is empty, is back when it is repaired.
    const bool returns = !leaving_[node] || down_for_[node] != Time::max() || repairs_[node] > 0;
    if (states_[r] == State::draining && returns) return true;
  }
  return false;
}

Availability::Change Availability::take(Time at) {
  if (next() != at) return {};
  const Change change = queue_.top().change;
  queue_.pop();
  if (change.kind == Change::scale) put(time_after(at, scaling_.interval), change);
  return change;
}

bool Availability::last_on_node(std::uint32_t replica) const {
  const std::uint32_t node = node_of(replica);
  for (std::uint32_t r = first_of(node); r < end_of(node); ++r) {
    if (r != replica && up(states_[r])) return false;
  }
  return true;
}

bool Availability::away(std::uint32_t node) const {
  for (std::uint32_t r = first_of(node); r < end_of(node); ++r) {
    if (states_[r] != State::down) return false;
  }
  return true;
}

void Availability::put_back(std::uint32_t node, Time down, Time at) {
  const Time back = time_after(at, down);
  if (back == Time::max()) return;
  ++backs_[layout_.node(node).kind];
  put(back, {Change::back, node});
}

void Availability::set(std::uint32_t replica, State state, Time at) {
  State& present = states_[replica];
  if (present == state) return;
  if (present == State::open) open_.erase(std::lower_bound(open_.begin(), open_.end(), replica));
  if (state == State::open) open_.insert(std::lower_bound(open_.begin(), open_.end(), replica), replica);
  draining_ += (state == State::draining) - (present == State::draining);
  if (log_ != nullptr) {
    if (state == State::open) log_->add(Happening::up, replica, kNone);
    if (state == State::draining) log_->add(Happening::drain, replica, kNone);
    if (up(present) && state != State::draining) log_->add(Happening::down, replica, kNone);
  }
  if (paid(present) != paid(state)) {
    paid_changes_.push_back({at, layout_.kind_of(replica), paid(state) ? 1 : -1});
    since_[replica] = at;
  }
  present = state;
}

// A node that is away already stays so for as long as was said first.
std::vector<std::uint32_t> Availability::fail(const Change& c, Time at) {
  std::vector<std::uint32_t> lost;
  repairs_[c.who] -= c.down != Time::max();
  if (away(c.who)) return lost;
  for (std::uint32_t r = first_of(c.who); r < end_of(c.who); ++r) {
    if (up(states_[r])) lost.push_back(r);
    set(r, State::down, at);
  }
  leaving_[c.who] = 1;
  put_back(c.who, c.down, at);
  return lost;
}

bool Availability::drain(const Change& c, Time at) {
  if (leaving_[c.who]) return false;
  leaving_[c.who] = 1;
  down_for_[c.who] = c.down;
  bool any = false;
  for (std::uint32_t r = first_of(c.who); r < end_of(c.who); ++r) {
    if (states_[r] == State::open) set(r, State::draining, at);
    if (states_[r] == State::draining) any = true;
    if (states_[r] != State::draining) set(r, State::down, at);
  }
  if (!any) put_back(c.who, c.down, at);
  return any;
}

void Availability::back(const Change& c, Time at) {
  --backs_[layout_.node(c.who).kind];
  leaving_[c.who] = 0;
  for (std::uint32_t r = first_of(c.who); r < end_of(c.who); ++r) set(r, scales() ? State::off : State::open, at);
}

// Unless its start was called off. One that was called off and started again is ready when its second start is.
void Availability::ready(const Change& c, Time at) {
  if (states_[c.who] == State::starting && at - since_[c.who] >= scaling_.delay) set(c.who, State::open, at);
}

void Availability::scale(std::int64_t requests, Time at) {
  const auto most = static_cast<std::int64_t>(states_.size());
  const std::int64_t want =
      std::clamp<std::int64_t>(ceil_div(requests, scaling_.target_requests), scaling_.min_replicas, most);
  while (!wanted_.empty() && at - wanted_.front().first >= scaling_.cooldown) wanted_.pop_front();
  wanted_.emplace_back(at, want);
  std::int64_t recently = want;
  for (const auto& [when, replicas] : wanted_) recently = std::max(recently, replicas);
  std::int64_t have =
      std::count_if(states_.begin(), states_.end(), [](State s) { return s == State::open || s == State::starting; });
  for (std::uint32_t r = 0; r < states_.size() && have < want; ++r) {
    if (states_[r] != State::off || leaving_[node_of(r)]) continue;
    set(r, State::starting, at);
    put(time_after(at, scaling_.delay), {Change::ready, r});
    ++have, ++started;
  }
  for (const State which : {State::starting, State::open}) {
    for (std::uint32_t r = static_cast<std::uint32_t>(states_.size()); r-- > 0 && have > recently;) {
      if (states_[r] != which) continue;
      set(r, which == State::open ? State::draining : State::off, at);
      --have, ++stopped;
    }
  }
}

void Availability::close(std::uint32_t replica, Time at) {
  const std::uint32_t node = node_of(replica);
  set(replica, leaving_[node] ? State::down : State::off, at);
  if (leaving_[node] && away(node)) put_back(node, down_for_[node], at);
}

void Availability::tell_means(FleetHistory& fleet, Time from, Time to) const {
  std::vector<TimeSum> of_kind(backs_.size());
  for (const PaidChange& c : paid_changes_) {
    const TimeSum rest = to - std::clamp(c.at, from, to);
    of_kind[c.kind] = c.change > 0 ? of_kind[c.kind] + rest : of_kind[c.kind] - rest;
  }
  TimeSum all;
  const double span_s = std::max(1e-12, seconds(to - from));
  for (const TimeSum time : of_kind) {
    all += time;
    fleet.mean_replicas_of_kind.push_back(seconds(time) / span_s);
  }
  fleet.mean_replicas = seconds(all) / span_s;
  fleet.paid_changes = paid_changes_;
}

}  // namespace kvplan

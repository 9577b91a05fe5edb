#include "sim/flow_network.hpp"

#include <algorithm>

namespace kvplan {
namespace {

__extension__ using int128 = __int128;

constexpr std::int64_t kUnitsPerByte = kPsPerS;

void insert_sorted(std::vector<FlowNetwork::RouteId>& v, FlowNetwork::RouteId r) {
  v.insert(std::lower_bound(v.begin(), v.end(), r), r);
}

void erase_sorted(std::vector<FlowNetwork::RouteId>& v, FlowNetwork::RouteId r) {
  v.erase(std::lower_bound(v.begin(), v.end(), r));
}

Time time_for(int128 units, std::int64_t rate) {
  const int128 ps = (units + rate - 1) / rate;
  KVPLAN_ASSERT(ps < Time::max().count / 2);
  return Time(static_cast<std::int64_t>(ps));
}

}  // namespace

FlowNetwork::FlowNetwork(const std::vector<Limit>& limits, const std::vector<Route>& routes) {
  add_limits(limits);
  for (const Route& route : routes) add_route(route);
  flows_.resize(uses_.size());
}

void FlowNetwork::add_limits(const std::vector<Limit>& limits) {
  for (const Limit& limit : limits) {
    KVPLAN_ASSERT(limit.bytes_per_s > 0);
    limit_names_.push_back(limit.name);
    limits_.emplace_back().capacity = limit.bytes_per_s;
  }
}

FlowNetwork::FlowNetwork(const NodeLinks& links) {
  add_limits(links.limits);
  replicas_ = static_cast<std::uint32_t>(links.load.size());
  for (std::size_t r = 0; r < links.load.size(); ++r) {
    add_route(links.load[r]);
    add_route(links.store[r]);
  }
  for (const NodeLinks::Beyond& tier : links.beyond) {
    KVPLAN_ASSERT(tier.load.size() == links.load.size());
    tier_routes_ = replicas_ + 1 + static_cast<std::uint32_t>(tier.prefetch.size());
    KVPLAN_ASSERT(tier_routes_ == replicas_ + 1 || tier_routes_ == 2 * replicas_ + 1);
    for (const Route& route : tier.load) add_route(route);
    add_route(tier.write);
    for (const Route& route : tier.prefetch) add_route(route);
  }
  flows_.resize(uses_.size());
  for (const BusyLimit& b : links.busy) {
    KVPLAN_ASSERT(b.bytes_per_s > 0 && b.replica < replicas_);
    busy_limits_.push_back({b, limits_[b.limit].capacity, false});
  }
}

void FlowNetwork::set_busy(std::uint32_t replica_on_node, bool busy, Time at) {
  bool changed = false;
  for (Paced& p : busy_limits_) {
    if (p.busy.replica != replica_on_node || p.is_busy == busy) continue;
    p.is_busy = busy;
    limits_[p.busy.limit].capacity = busy ? p.busy.bytes_per_s : p.idle_bytes_per_s;
    changed = true;
  }
  if (!changed || moving_.empty()) return;
  settle(at);
  fill();
  find_next_event();
}

void FlowNetwork::add_route(const Route& route) {
  KVPLAN_ASSERT(!route.uses.empty());
  uses_.push_back(route.uses);
  routes_.push_back(route);
}

FlowNetwork::Purpose FlowNetwork::purpose(RouteId route) const {
  if (route < 2 * replicas_) return {route % 2 == 0 ? Purpose::load : Purpose::store, 0, route / 2};
  const std::uint32_t i = route - 2 * replicas_, tier = i / tier_routes_, n = i % tier_routes_;
  if (n > replicas_) return {Purpose::prefetch, tier + 1, n - replicas_ - 1};
  return {n < replicas_ ? Purpose::load : Purpose::write, tier + 1, n};
}

void FlowNetwork::note(RouteId route, const Transfer& t, std::uint32_t turn, const PrefixChains& chains) const {
  if (log_ == nullptr) return;
  log_->add(Happening::transfer, node_, turn, route, t.bytes_per_gpu.count, t.segments);
  for (const BlockRange& r : t.ranges) {
    const std::int64_t first = chains[r.chain].first_place;
    log_->add(Happening::part, node_, turn, route, first + r.first, first + r.last);
  }
}

void FlowNetwork::start(RouteId route, Bytes bytes, std::int64_t segments, Time at) {
  Flow& flow = flows_[route];
  KVPLAN_ASSERT(flow.phase == Phase::idle && bytes.count > 0 && segments > 0);
  flow.phase = Phase::waiting;
  flow.bytes = bytes;
  flow.waits_until = at + setup_time(routes_[route], bytes, segments);
  insert_sorted(waiting_, route);
  if (flow.waits_until == at) begin_moving(route, at);
  find_next_event();
}

Time FlowNetwork::estimated_first_part(RouteId route, std::int64_t parts, Time at) const {
  const Flow& flow = flows_[route];
  KVPLAN_ASSERT(flow.phase != Phase::idle);
  if (flow.phase == Phase::moving) return at + time_for(flow.left / parts, flow.rate);
  // Not moving yet: what the route would get of empty links.
  std::int64_t rate = Time::max().count;
  for (const LimitUse& use : uses(route)) rate = std::min(rate, limits_[use.limit].capacity / use.weight);
  const Time segments((flow.waits_until - at).count / parts);
  return at + segments + time_for(int128(flow.bytes.count) * kUnitsPerByte / parts, rate);
}

Time FlowNetwork::estimated_end(RouteId route, Time at) const {
  const Flow& flow = flows_[route];
  KVPLAN_ASSERT(flow.phase != Phase::idle);
  if (flow.phase == Phase::moving) return std::max(at, flow.ends);
  return flow.waits_until + estimated_bytes_time(route, flow.bytes);
}

Time FlowNetwork::estimated_time(RouteId route, Bytes bytes, std::int64_t segments) const {
  return setup_time(routes_[route], bytes, segments) + estimated_bytes_time(route, bytes);
}

Time FlowNetwork::estimated_bytes_time(RouteId route, Bytes bytes) const {
  std::int64_t rate = Time::max().count;
  for (const LimitUse& use : uses(route)) {
    std::int64_t weights = use.weight;
    for (RouteId other : moving_) {
      if (other == route) continue;
      for (const LimitUse& o : uses(other)) weights += o.limit == use.limit ? o.weight : 0;
    }
    rate = std::min(rate, limits_[use.limit].capacity / weights);
  }
  return time_for(int128(bytes.count) * kUnitsPerByte, std::max<std::int64_t>(1, rate));
}

FlowNetwork::RouteId FlowNetwork::advance() {
  const Time at = next_event_;
  const RouteId route = next_route_;
  KVPLAN_ASSERT(route != kNone);
  const bool ends = flows_[route].phase == Phase::moving;
  if (ends) {
    end(route, at);
  } else {
    begin_moving(route, at);
  }
  find_next_event();
  return ends ? route : kNone;
}

void FlowNetwork::begin_moving(RouteId route, Time at) {
  if (log_ != nullptr) log_->add_at(at, {Happening::moves, node_, kNone, route});
  settle(at);
  Flow& flow = flows_[route];
  flow.phase = Phase::moving;
  flow.left = int128(flow.bytes.count) * kUnitsPerByte;
  erase_sorted(waiting_, route);
  insert_sorted(moving_, route);
  for (const LimitUse& use : uses(route)) {
    LimitState& limit = limits_[use.limit];
    if (limit.moving_flows++ == 0) limit.busy_since = at;
  }
  fill();
}

void FlowNetwork::end(RouteId route, Time at) {
  if (log_ != nullptr) log_->add_at(at, {Happening::moved, node_, kNone, route});
  settle(at);
  Flow& flow = flows_[route];
  KVPLAN_ASSERT(flow.left == 0);
  for (const LimitUse& use : uses(route)) {
    LimitState& limit = limits_[use.limit];
    limit.bytes += flow.bytes * use.weight;
    if (--limit.moving_flows == 0) limit.rest(at);
  }
  flow = Flow{};
  erase_sorted(moving_, route);
  fill();
}

void FlowNetwork::cut(Time at) {
  if (log_ != nullptr) log_->add_at(at, {Happening::cut, node_, kNone});
  settle(at);
  for (RouteId r : moving_) {
    const Flow& flow = flows_[r];
    const Bytes moved(flow.bytes.count - static_cast<std::int64_t>(flow.left / kUnitsPerByte));
    for (const LimitUse& use : uses(r)) {
      LimitState& limit = limits_[use.limit];
      limit.bytes += moved * use.weight;
      if (--limit.moving_flows == 0) limit.rest(at);
    }
  }
  std::fill(flows_.begin(), flows_.end(), Flow{});
  moving_.clear();
  waiting_.clear();
  for (Paced& p : busy_limits_) {
    p.is_busy = false;
    limits_[p.busy.limit].capacity = p.idle_bytes_per_s;
  }
  find_next_event();
}

void FlowNetwork::settle(Time at) {
  const Time elapsed = at - settled_;
  settled_ = at;
  if (elapsed.count == 0) return;
  for (RouteId r : moving_) {
    Flow& flow = flows_[r];
    // A flow ends at the first whole picosecond at which nothing is left.
    flow.left = std::max<int128>(0, flow.left - int128(flow.rate) * elapsed.count);
  }
}

void FlowNetwork::fill() {
  for (LimitState& limit : limits_) {
    limit.left = limit.capacity;
    limit.weights = 0;
  }
  for (RouteId r : moving_) {
    for (const LimitUse& use : uses(r)) limits_[use.limit].weights += use.weight;
  }
  unrated_ = moving_;
  while (!unrated_.empty()) {
    std::size_t tightest = limits_.size();
    std::int64_t share = Time::max().count;
    for (std::size_t i = 0; i < limits_.size(); ++i) {
      if (limits_[i].weights == 0) continue;
      const std::int64_t s = limits_[i].left / limits_[i].weights;
      if (s < share) share = s, tightest = i;
    }
    KVPLAN_ASSERT(tightest < limits_.size() && share > 0);
    const auto crosses = [&](RouteId r) {
      return std::any_of(uses(r).begin(), uses(r).end(), [&](const LimitUse& u) { return u.limit == tightest; });
    };
    std::erase_if(unrated_, [&](RouteId r) {
      if (!crosses(r)) return false;
      flows_[r].rate = share;
      flows_[r].ends = settled_ + time_for(flows_[r].left, share);
      for (const LimitUse& use : uses(r)) {
        limits_[use.limit].left -= use.weight * share;
        limits_[use.limit].weights -= use.weight;
      }
      return true;
    });
  }
}

void FlowNetwork::find_next_event() {
  next_event_ = Time::max();
  next_route_ = kNone;
  for (RouteId r : moving_) {
    if (flows_[r].ends < next_event_) next_event_ = flows_[r].ends, next_route_ = r;
  }
  for (RouteId r : waiting_) {
    if (flows_[r].waits_until < next_event_) next_event_ = flows_[r].waits_until, next_route_ = r;
  }
}

std::vector<LinkUsage> FlowNetwork::usage(const std::string& prefix) const {
  std::vector<LinkUsage> all;
  for (std::size_t i = 0; i < limits_.size(); ++i) {
    const LimitState& l = limits_[i];
    all.push_back({prefix + limit_names_[i], l.capacity, l.bytes, l.busy, l.last_moved});
  }
  return all;
}

void FlowNetwork::add_bytes_until(Time at, std::vector<Bytes>& bytes) const {
  const std::size_t first = bytes.size();
  for (const LimitState& limit : limits_) bytes.push_back(limit.bytes);
  for (const RouteId r : moving_) {
    const Flow& flow = flows_[r];
    const int128 left = std::max<int128>(0, flow.left - int128(flow.rate) * (at - settled_).count);
    const Bytes moved(flow.bytes.count - static_cast<std::int64_t>(left / kUnitsPerByte));
    for (const LimitUse& use : uses(r)) bytes[first + use.limit] += moved * use.weight;
  }
}

}  // namespace kvplan

// Transfers against exact timelines and against an independent fluid model.
#include <cmath>

#include <rapidcheck.h>

#include "sim/flow_network.hpp"
#include "tests/catch.hpp"

using namespace kvplan;

namespace {

struct Start {
  FlowNetwork::RouteId route;
  std::int64_t bytes, segments;
  Time at;
};

// Runs the network to its end; starts a route's flow at its time. Returns the end of each.
std::vector<Time> run(FlowNetwork& network, std::vector<Start> starts) {
  std::vector<Time> ends(starts.size());
  std::vector<std::size_t> flow_of_route(64);
  std::size_t next = 0;
  while (next < starts.size() || network.next_event() != Time::max()) {
    if (next < starts.size() && starts[next].at < network.next_event()) {
      const Start& s = starts[next];
      flow_of_route[s.route] = next++;
      network.start(s.route, Bytes(s.bytes), s.segments, s.at);
      continue;
    }
    const Time at = network.next_event();
    const FlowNetwork::RouteId done = network.advance();
    if (done != kNone) ends[flow_of_route[done]] = at;
  }
  return ends;
}

Route route(std::vector<LimitUse> uses, std::int64_t segment_ps = 0) { return {std::move(uses), segment_ps}; }

// Max-min in floating point, by its definition: raise all rates together, freeze
// a flow when a limit that it crosses is full. Written apart from the network.
std::vector<double> fluid_rates(const std::vector<double>& capacity, const std::vector<std::vector<LimitUse>>& flows) {
  std::vector<double> rate(flows.size(), 0);
  std::vector<bool> frozen(flows.size(), false);
  std::vector<double> left = capacity;
  while (true) {
    double step = INFINITY;
    for (std::size_t c = 0; c < capacity.size(); ++c) {
      double weight = 0;
      for (std::size_t f = 0; f < flows.size(); ++f) {
        for (const LimitUse& u : flows[f]) weight += !frozen[f] && u.limit == c ? static_cast<double>(u.weight) : 0;
      }
      if (weight > 0) step = std::min(step, left[c] / weight);
    }
    if (!std::isfinite(step)) return rate;
    for (std::size_t f = 0; f < flows.size(); ++f) {
      if (frozen[f]) continue;
      rate[f] += step;
      for (const LimitUse& u : flows[f]) left[u.limit] -= step * static_cast<double>(u.weight);
    }
    for (std::size_t f = 0; f < flows.size(); ++f) {
      for (const LimitUse& u : flows[f]) frozen[f] = frozen[f] || left[u.limit] < 1e-6 * capacity[u.limit];
    }
  }
}

std::vector<double> fluid_ends(const NodeLinks& links, const std::vector<Start>& starts) {
  std::vector<double> capacity;
  for (const Limit& l : links.limits) capacity.push_back(static_cast<double>(l.bytes_per_s));
  std::vector<double> left, begin, ends(starts.size(), -1);
  for (const Start& s : starts) {
    const Route& r = s.route % 2 ? links.store[s.route / 2] : links.load[s.route / 2];
    left.push_back(static_cast<double>(s.bytes));
    begin.push_back(seconds(s.at) + static_cast<double>(s.segments * r.segment_ps) / kPsPerS);
  }
  double now = 0;
  while (true) {
    std::vector<std::size_t> moving;
    std::vector<std::vector<LimitUse>> uses;
    double next = INFINITY;
    for (std::size_t i = 0; i < starts.size(); ++i) {
      if (ends[i] >= 0) continue;
      if (begin[i] > now + 1e-15) {
        next = std::min(next, begin[i]);
        continue;
      }
      moving.push_back(i);
      uses.push_back((starts[i].route % 2 ? links.store : links.load)[starts[i].route / 2].uses);
    }
    const std::vector<double> rate = fluid_rates(capacity, uses);
    for (std::size_t k = 0; k < moving.size(); ++k) next = std::min(next, now + left[moving[k]] / rate[k]);
    if (!std::isfinite(next)) return ends;
    for (std::size_t k = 0; k < moving.size(); ++k) {
      left[moving[k]] -= rate[k] * (next - now);
      if (left[moving[k]] < 1e-3) ends[moving[k]] = next;
    }
    now = next;
  }
}

}  // namespace

TEST_CASE("a flow alone takes its segments and then its bytes") {
  NodeLinks links{{{"link", 1000}}, {route({{0, 1}}, 7)}, {route({{0, 1}})}};
  FlowNetwork network(links);
  CHECK(run(network, {{0, 500, 3, Time(11)}})[0].count == 11 + 21 + kPsPerS / 2);
  const LinkUsage usage = network.usage("")[0];
  CHECK(usage.bytes == Bytes(500));
  CHECK(usage.busy.count == kPsPerS / 2);
}

TEST_CASE("two flows on one limit halve its rate while both move") {
  NodeLinks links{{{"link", 1000}}, {route({{0, 1}})}, {route({{0, 1}})}};
  FlowNetwork network(links);
  // 500 bytes alone in 0.5 s; after 0.25 s another 500 bytes join: 250 + 500 left at 500 B/s each.
  const auto ends = run(network, {{0, 500, 1, Time(0)}, {1, 500, 1, Time(kPsPerS / 4)}});
  CHECK(ends[0].count == kPsPerS / 4 + kPsPerS / 2);
  CHECK(ends[1].count == kPsPerS);
}

TEST_CASE("a duplex limit binds only when both directions move") {
  // 1000 B/s each way, 1500 in all.
  NodeLinks links{{{"in", 1000}, {"out", 1000}, {"both", 1500}}, {route({{0, 1}, {2, 1}})}, {route({{1, 1}, {2, 1}})}};
  FlowNetwork network(links);
  const auto ends = run(network, {{0, 750, 1, Time(0)}, {1, 1500, 1, Time(0)}});
  CHECK(ends[0].count == kPsPerS);                       // 750 B/s
  CHECK(ends[1].count == kPsPerS + kPsPerS * 3 / 4);     // 750 left at 1000 B/s
}

TEST_CASE("a replica's GPUs weigh on what they share") {
  // Four GPUs, each with a link of 1000 B/s, on a memory of 2000 B/s: 500 B/s each.
  NodeLinks links{{{"links", 1000}, {"memory", 2000}}, {route({{0, 1}, {1, 4}})}, {route({{1, 4}})}};
  FlowNetwork network(links);
  CHECK(run(network, {{0, 500, 1, Time(0)}})[0].count == kPsPerS);
  CHECK(network.usage("")[1].bytes == Bytes(2000));
}

TEST_CASE("max-min sharing equals a fluid model on random networks") {
  CHECK(rc::check("completion times agree", [] {
    const auto pick = [](int low, int high) { return *rc::gen::inRange(low, high + 1); };
    NodeLinks links;
    for (int c = pick(1, 5); c > 0; --c) links.limits.push_back({"limit", pick(1, 1000) * 1'000'000ll});
    const auto any_route = [&] {
      std::vector<LimitUse> uses;
      for (std::uint32_t c = 0; c < links.limits.size(); ++c) {
        if (pick(0, 2) == 0 || (uses.empty() && c + 1 == links.limits.size())) uses.push_back({c, pick(1, 4)});
      }
      return route(uses, pick(0, 3) * 1000);
    };
    const int replicas = pick(1, 4);
    for (int r = 0; r < replicas; ++r) {
      links.load.push_back(any_route());
      links.store.push_back(any_route());
    }
    std::vector<Start> starts;
    Time at{0};
    for (int r = 0; r < 2 * replicas; ++r) {
      at += Time(pick(0, 1000) * kPsPerUs + 1);
      starts.push_back({static_cast<std::uint32_t>(r), pick(1, 5'000'000), pick(1, 50), at});
    }
    FlowNetwork network(links);
    const std::vector<Time> ends = run(network, starts);
    const std::vector<double> expected = fluid_ends(links, starts);
    for (std::size_t i = 0; i < starts.size(); ++i) {
      RC_ASSERT(std::abs(seconds(ends[i]) - expected[i]) <= 1e-3 * (expected[i] - seconds(starts[i].at)) + 1e-7);
    }
  }));
}

TEST_CASE("a limit is lower while a replica's steps run, and the flow's rest goes on at the rate of each stretch") {
  NodeLinks links;
  links.limits = {{"copies", 1'000'000'000}};
  links.load = {route({{0, 1}})};
  links.store = {route({{0, 1}})};
  links.busy = {{0, 0, 500'000'000}};
  FlowNetwork network(links);
  CHECK(network.slowed_by_steps());
  network.start(network.load_route(0, 0), Bytes(1'000'000), 1, Time(0));
  CHECK(network.next_event() == Time(kPsPerMs));
  network.set_busy(0, true, Time(kPsPerMs / 4));
  CHECK(network.next_event() == Time(7 * kPsPerMs / 4));
  network.set_busy(0, true, Time(kPsPerMs / 2));  // no news
  network.set_busy(0, false, Time(3 * kPsPerMs / 4));
  CHECK(network.next_event() == Time(5 * kPsPerMs / 4));
  CHECK(network.advance() == network.load_route(0, 0));
  // After a cut nobody computes.
  network.set_busy(0, true, Time(2 * kPsPerMs));
  network.cut(Time(2 * kPsPerMs));
  network.start(network.load_route(0, 0), Bytes(1'000'000), 1, Time(2 * kPsPerMs));
  CHECK(network.next_event() == Time(3 * kPsPerMs));
}

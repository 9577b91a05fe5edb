// Rules: links, and what transfers read and bring (pinned, content).
#include <fmt/format.h>

#include <algorithm>

#include "validate/run_check/checker.hpp"

namespace kvplan::run_check {

namespace {

constexpr std::int64_t kPsPerSecond = 1'000'000'000'000;

}  // namespace

bool Checker::active(std::int64_t replica, const std::string& purpose) const {
  for (const auto& [key, queue] : queues_) {
    const RouteLimit& route = route_of(key.first, key.second);
    if (queue.empty() || route.purpose != purpose) continue;
    if (header_.kind_of_node(key.first).first_on(key.first) + route.replica_on_node == replica) return true;
  }
  return false;
}

void Checker::transfer(const Entry& e) {
  auto& queue = queues_[{e.node, e.route}];
  route_of(e.node, e.route);
  queue.push_back({e.turn, e.bytes, e.segments, queue.empty() ? e.at : -1, -1, {}});
  const Kind& kind = header_.kind_of_node(e.node);
  bool anybody = false;
  for (std::int64_t r = kind.first_on(e.node); r < kind.end_on(e.node); ++r) {
    anybody = anybody || replicas_[static_cast<std::size_t>(r)].up;
  }
  expect("away", anybody, fmt::format("a transfer on node {}, where all replicas are down", e.node));
  if (e.turn >= 0) ++request(e).loads_queued;
}

void Checker::part(const Entry& e) {
  if (!expect("books", !queues_[{e.node, e.route}].empty(), "a part of a transfer that nobody sent")) return;
  const RouteLimit& route = route_of(e.node, e.route);
  for (std::int64_t p = e.first; p < e.last; ++p) {
    const std::int64_t replica = replica_of(route, e.node, p);
    const std::int64_t level = route.purpose == "store" ? 0 : route.purpose == "write" ? 1 : route.tier;
    const std::int64_t from = memory_of(level, replica);
    Memory& m = memories_[static_cast<std::size_t>(from)];
    const auto held = m.held.find(p);
    if (expect("content", held != m.held.end() && held->second.ready,
               fmt::format("a transfer reads block {} of memory {}, which has not got it", p, from))) {
      ++held->second.readers;
    }
    queues_[{e.node, e.route}].back().parts.push_back({from, memory_of(route.purpose == "write" ? route.tier : 1, replica), p});
  }
}

// The replica whose memories a part of a transfer is between. A node writes on from the G2 of any of its replicas: the
// one where the block has just been pinned.
std::int64_t Checker::replica_of(const RouteLimit& route, std::int64_t node, std::int64_t place) const {
  const Kind& kind = header_.kind_of_node(node);
  const std::int64_t first = kind.first_on(node);
  if (route.purpose != "write") return first + route.replica_on_node;
  for (std::int64_t r = first; r < kind.end_on(node); ++r) {
    const auto& held = memories_[static_cast<std::size_t>(memory_of(1, r))].held;
    const auto block = held.find(place);
    if (block != held.end() && block->second.ready && block->second.references > block->second.readers) return r;
  }
  return first;
}

std::int64_t setup_ps(const RouteLimit& route, std::int64_t bytes, std::int64_t segments) {
  std::int64_t ps = route.latency_ps;
  const auto& knots = route.submission_ps;
  if (knots.empty()) {
    ps += segments * route.segment_ps;
  } else {
    std::size_t k = 0;
    while (k + 2 < knots.size() && (std::int64_t{2} << k) <= segments) ++k;
    const Wide rise = Wide(knots[k + 1] - knots[k]) * (segments - (std::int64_t{1} << k));
    ps += knots[k] + static_cast<std::int64_t>(rise / (std::int64_t{1} << k));
  }
  if (segments > 0 && static_cast<std::size_t>(segments) <= route.ramp_fs_per_byte.size()) {
    const std::int64_t fs = route.ramp_fs_per_byte[static_cast<std::size_t>(segments - 1)];
    ps += static_cast<std::int64_t>(Wide(fs) * bytes / 1000);
  }
  return ps;
}

void Checker::moves(const Entry& e) {
  auto& queue = queues_[{e.node, e.route}];
  if (!expect("links", !queue.empty() && queue.front().moves < 0, "bytes move that nobody sent")) return;
  Transfer& t = queue.front();
  t.moves = e.at;
  const std::int64_t setup = setup_ps(route_of(e.node, e.route), t.bytes, t.segments);
  expect("links", e.at == t.starts + setup,
         fmt::format("{} segments that take {} ps, submitted at {}, move at {}", t.segments, setup, t.starts, e.at));
}

void Checker::moved(const Entry& e) {
  auto& queue = queues_[{e.node, e.route}];
  if (!expect("links", !queue.empty() && queue.front().moves >= 0, "a transfer ends that never moved")) return;
  const Transfer t = queue.front();
  queue.pop_front();
  if (!queue.empty()) queue.front().starts = e.at;
  std::int64_t tokens_moved = 0;
  for (const auto& [from, to, p] : t.parts) tokens_moved += tokens(p);
  const auto twice = [](std::vector<Transfer::Part> parts) {
    std::sort(parts.begin(), parts.end());
    return std::adjacent_find(parts.begin(), parts.end()) != parts.end();
  };
  expect("books", !twice(t.parts), "a transfer reads a block twice");
  const Kind& kind = header_.kind_of_node(e.node);
  const RouteLimit& route = route_of(e.node, e.route);
  if (route.purpose != "write") {
    expect("links", t.bytes == tokens_moved * kind.kv_bytes_per_token_per_gpu,
           fmt::format("{} tokens move as {} bytes", tokens_moved, t.bytes));
  }
  flows_[e.node].push_back({e.route, t.moves, e.at, t.bytes});
  const std::int64_t replica = kind.first_on(e.node) + route.replica_on_node;
  const bool load = route.purpose == "load";
  for (const auto& [from, to, p] : t.parts) {
    Memory& read = memories_[static_cast<std::size_t>(from)];
    const auto held = read.held.find(p);
    if (expect("pinned", held != read.held.end() && held->second.readers > 0,
               fmt::format("block {} went while a transfer read it", p))) {
      --held->second.readers;
    }
    if (load) ++replicas_[static_cast<std::size_t>(replica)].loaded_places[p];
    // A load from beyond host memory may leave its blocks there as well.
    if (!load || route.tier > 1) ++memories_[static_cast<std::size_t>(to)].brought[p];
  }
  if (t.turn >= 0) {
    Request& q = requests_.at(static_cast<std::size_t>(t.turn));
    --q.loads_queued;
    q.last_load = e.at;
  }
}

void Checker::check_links() {
  for (auto& [key, queue] : queues_) expect("ends", queue.empty(), "a transfer never ended");
  for (auto& [key, queue] : handovers_) expect("ends", queue.empty(), "a hand-over never ended");
  for (auto& [node, flows] : flows_) {
    const Kind& kind = header_.kind_of_node(node);
    check_flows(node, flows, kind.routes, kind.limits);
  }
  check_flows(-1, handover_flows_, header_.decode.routes, header_.decode.limits);
}

void Checker::check_flows(std::int64_t node, std::vector<Flow>& flows, const std::vector<RouteLimit>& routes,
                          const std::vector<std::int64_t>& limits) {
  std::sort(flows.begin(), flows.end(), [](const Flow& a, const Flow& b) { return a.moves < b.moves; });
  for (std::size_t limit = 0; limit < limits.size(); ++limit) {
    check_windows(flows, routes, static_cast<std::int64_t>(limit), limits[limit]);
  }
  check_lonely(node, flows, routes, limits);
}

// No interval sees more bytes over a limit than it can pass: those of the flows that lie wholly inside of it.
void Checker::check_windows(const std::vector<Flow>& flows, const std::vector<RouteLimit>& routes, std::int64_t limit,
                            std::int64_t bytes_per_s) {
  constexpr std::size_t kReach = 400;  // flows behind the first of an interval
  struct Inside {
    std::int64_t moved;
    Wide bytes;
  };
  for (std::size_t i = 0; i < flows.size(); ++i) {
    std::vector<Inside> inside;
    for (std::size_t k = i; k < flows.size() && k < i + kReach; ++k) {
      if (flows[k].bytes < 0) continue;
      for (const auto& [l, w] : routes[static_cast<std::size_t>(flows[k].route)].uses) {
        if (l == limit) inside.push_back({flows[k].moved, Wide(flows[k].bytes) * w});
      }
    }
    std::sort(inside.begin(), inside.end(), [](const Inside& a, const Inside& b) { return a.moved < b.moved; });
    Wide bytes = 0;
    for (const Inside& f : inside) {
      bytes += f.bytes;
      const std::int64_t elapsed = f.moved - flows[i].moves;
      if (!expect("links", bytes * kPsPerSecond <= Wide(bytes_per_s) * elapsed,
                  fmt::format("limit {} passes {} bytes in {} ps", limit, static_cast<std::int64_t>(bytes), elapsed))) {
        return;
      }
    }
  }
}

// A flow that meets no other takes its bytes over the tightest of its limits, to the picosecond; where steps slow it,
// as they come and go.
void Checker::check_lonely(std::int64_t node, const std::vector<Flow>& flows, const std::vector<RouteLimit>& routes,
                           const std::vector<std::int64_t>& limits) {
  std::int64_t latest = -1;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    const Flow& f = flows[i];
    const bool alone = latest <= f.moves && (i + 1 == flows.size() || flows[i + 1].moves >= f.moved);
    latest = std::max(latest, f.moved);
    if (!alone || f.bytes < 0) continue;
    const std::int64_t end = lonely_end(node, f, routes[static_cast<std::size_t>(f.route)], limits);
    expect("links", end < 0 || end == f.moved,
           fmt::format("{} bytes alone on their route take {} ps instead of {}", f.bytes, f.moved - f.moves,
                       end - f.moves));
  }
}

}  // namespace kvplan::run_check

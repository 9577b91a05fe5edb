// Transfers against SimGrid: its CM02 network model without TCP's window, latencies, cross-traffic and correction
// factors shares links by max-min fairness, too. 200 random nodes lie side by side in one SimGrid platform.
#include <fmt/format.h>

#include <cmath>
#include <simgrid/s4u.hpp>

#include "base/random.hpp"
#include "sim/flow_network.hpp"
#include "tests/catch.hpp"

using namespace kvplan;
namespace sg = simgrid::s4u;

namespace {

constexpr int kNodes = 200;

struct Flow {
  FlowNetwork::RouteId route;
  std::int64_t bytes, segments;
  Time at;
};

struct Node {
  NodeLinks links;
  std::vector<Flow> flows;  // ascending by time
  const Route& route(FlowNetwork::RouteId r) const { return (r % 2 ? links.store : links.load)[r / 2]; }
};

Node random_node(RandomStream& random) {
  const auto pick = [&](std::uint64_t low, std::uint64_t high) {
    return static_cast<std::int64_t>(low + random.below(high - low + 1));
  };
  Node node;
  for (std::int64_t c = pick(1, 8); c > 0; --c)
    node.links.limits.push_back({"limit", pick(1'000, 100'000) * 1'000'000});
  const auto any_route = [&] {
    Route r;
    for (std::uint32_t c = 0; c < node.links.limits.size(); ++c) {
      if (pick(0, 2) == 0) r.uses.push_back({c, pick(1, 4)});
    }
    if (r.uses.empty()) r.uses.push_back({static_cast<std::uint32_t>(pick(0, node.links.limits.size() - 1)), 1});
    r.segment_ps = pick(0, 4'000'000);
    return r;
  };
  Time at{0};
  for (std::int64_t r = pick(1, 6); r > 0; --r) {
    node.links.load.push_back(any_route());
    node.links.store.push_back(any_route());
  }
  for (FlowNetwork::RouteId r = 0; r < 2 * node.links.load.size(); ++r) {
    node.flows.push_back({r, pick(1, 4'000'000'000), pick(1, 2000), at});
    at += Time(pick(0, 40'000) * kPsPerUs);
  }
  return node;
}

std::vector<double> our_ends(const Node& node) {
  FlowNetwork network(node.links);
  std::vector<double> ends(node.flows.size());
  std::size_t next = 0;
  while (next < node.flows.size() || network.next_event() != Time::max()) {
    if (next < node.flows.size() && node.flows[next].at < network.next_event()) {
      const Flow& f = node.flows[next++];
      network.start(f.route, Bytes(f.bytes), f.segments, f.at);
      continue;
    }
    const Time at = network.next_event();
    const FlowNetwork::RouteId done = network.advance();  // route i carries flow i
    if (done != kNone) ends[done] = seconds(at);
  }
  return ends;
}

// One pair of hosts a flow. A link stands in a route as often as the flow weighs on it.
void add_to_platform(const Node& node, int number, sg::NetZone* zone, std::vector<double>& ends) {
  std::vector<sg::Link*> links;
  for (std::size_t c = 0; c < node.links.limits.size(); ++c) {
    links.push_back(
        zone->create_link(fmt::format("l{}-{}", number, c), static_cast<double>(node.links.limits[c].bytes_per_s))
            ->set_latency(0)
            ->seal());
  }
  for (std::size_t i = 0; i < node.flows.size(); ++i) {
    sg::Host* from = zone->create_host(fmt::format("from{}-{}", number, i), 1e9)->seal();
    sg::Host* to = zone->create_host(fmt::format("to{}-{}", number, i), 1e9)->seal();
    const Flow& f = node.flows[i];
    std::vector<sg::LinkInRoute> route;
    for (const LimitUse& use : node.route(f.route).uses) {
      for (std::int64_t w = 0; w < use.weight; ++w) route.emplace_back(links[use.limit]);
    }
    zone->add_route(from->get_netpoint(), to->get_netpoint(), nullptr, nullptr, route, false);
    const double start = seconds(f.at + Time(f.segments * node.route(f.route).segment_ps));
    sg::Actor::create(fmt::format("flow{}-{}", number, i), from, [from, to, start, bytes = f.bytes, &end = ends[i]] {
      if (start > 0) sg::this_actor::sleep_until(start);
      sg::Comm::sendto(from, to, static_cast<std::uint64_t>(bytes));
      end = sg::Engine::get_clock();
    });
  }
}

}  // namespace

TEST_CASE("max-min sharing equals SimGrid's on 200 random nodes") {
  std::vector<std::string> words = {"test",
                                    "--log=root.thresh:warning",
                                    "--cfg=network/model:CM02",
                                    "--cfg=network/TCP-gamma:0",
                                    "--cfg=network/weight-S:0",
                                    "--cfg=network/crosstraffic:0",
                                    "--cfg=network/bandwidth-factor:1",
                                    "--cfg=network/latency-factor:1",
                                    "--cfg=maxmin/concurrency-limit:-1",
                                    "--cfg=surf/precision:1e-9"};
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  int argc = static_cast<int>(argv.size());
  sg::Engine engine(&argc, argv.data());
  sg::NetZone* zone = sg::create_full_zone("nodes");

  RandomStream random(1, "simgrid");
  std::vector<Node> nodes;
  std::vector<std::vector<double>> theirs(kNodes);
  for (int i = 0; i < kNodes; ++i) {
    nodes.push_back(random_node(random));
    theirs[i].assign(nodes[i].flows.size(), 0);
    add_to_platform(nodes[i], i, zone, theirs[i]);
  }
  zone->seal();
  engine.run();

  double worst = 0;
  std::size_t flows = 0, slowed = 0;
  for (int i = 0; i < kNodes; ++i) {
    const std::vector<double> ours = our_ends(nodes[i]);
    for (std::size_t f = 0; f < ours.size(); ++f) {
      const Flow& flow = nodes[i].flows[f];
      const double begin = seconds(flow.at), took = theirs[i][f] - begin;
      worst = std::max(worst, std::abs(ours[f] - theirs[i][f]) / took);
      ++flows;
      double alone = INFINITY;
      for (const LimitUse& u : nodes[i].route(flow.route).uses) {
        alone = std::min(alone, static_cast<double>(nodes[i].links.limits[u.limit].bytes_per_s / u.weight));
      }
      slowed += ours[f] - begin > 1.01 * (static_cast<double>(flow.bytes) / alone +
                                          seconds(Time(flow.segments * nodes[i].route(flow.route).segment_ps)));
    }
  }
  INFO(fmt::format("{} flows, {} of them slowed by others; worst difference {:.2e}", flows, slowed, worst));
  CHECK(slowed > flows / 4);  // the comparison is of shared links
  CHECK(worst <= 1e-3);
  WARN(fmt::format("{} flows on {} nodes, {} slowed by others: completion times differ by {:.1e} at most", flows,
                   kNodes, slowed, worst));
}

#include "studies/storage.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/error.hpp"
#include "base/random.hpp"
#include "models/break_even.hpp"
#include "models/roofline.hpp"
#include "sim/flow_network.hpp"

namespace kvplan::storage {
namespace {

constexpr std::int64_t kPageTokens = 16;

struct Arrival {
  Time at;
  std::uint32_t gpu;
};

std::vector<Arrival> arrivals(const Load& load, std::uint32_t gpus, std::uint64_t seed) {
  RandomStream random(seed, "storage reads");
  const double mean_gap_s = static_cast<double>(load.read.count) / load.offered_bytes_per_s;
  std::vector<Arrival> all;
  for (double at = random.exponential(mean_gap_s); at < load.duration_s; at += random.exponential(mean_gap_s)) {
    all.push_back({time_from_seconds(at), static_cast<std::uint32_t>(random.below(gpus))});
  }
  return all;
}

double alone_s(const NodeLinks& links, const Route& route, Bytes bytes, std::int64_t segments) {
  return seconds(setup_time(route, bytes, segments)) +
         static_cast<double>(bytes.count) / static_cast<double>(rate_alone(links, route));
}

}  // namespace

Delivered deliver(const NodeLinks& links, std::size_t tier, const Load& load, std::uint64_t seed) {
  KVPLAN_ASSERT(tier < links.beyond.size() && load.offered_bytes_per_s > 0 && load.read.count > 0);
  const auto gpus = static_cast<std::uint32_t>(links.load.size());
  FlowNetwork network(links);
  std::vector<std::deque<Time>> queues(gpus);  // arrivals; the first is under way
  const auto route = [&](std::uint32_t gpu) { return network.load_route(static_cast<std::uint32_t>(tier) + 1, gpu); };
  const std::vector<Arrival> all = arrivals(load, gpus, seed);
  std::vector<double> took;
  double bytes = 0;
  const Time end = time_from_seconds(load.duration_s);
  for (std::size_t next = 0; next < all.size() || network.next_event() != Time::max();) {
    if (next < all.size() && all[next].at <= network.next_event()) {
      const auto [at, gpu] = all[next++];
      queues[gpu].push_back(at);
      if (queues[gpu].size() == 1) network.start(route(gpu), load.read, load.objects, at);
      continue;
    }
    const Time at = network.next_event();
    if (at > end) break;
    const FlowNetwork::RouteId done = network.advance();
    if (done == kNone) continue;
    const std::uint32_t gpu = network.purpose(done).replica_on_node;
    took.push_back(seconds(at - queues[gpu].front()));
    queues[gpu].pop_front();
    bytes += static_cast<double>(load.read.count);
    if (!queues[gpu].empty()) network.start(route(gpu), load.read, load.objects, at);
  }
  Delivered d;
  d.bytes_per_s = bytes / load.duration_s;
  if (took.empty()) return d;
  for (const double s : took) d.mean_s += s / static_cast<double>(took.size());
  std::sort(took.begin(), took.end());
  d.p99_s = took[(took.size() - 1) * 99 / 100];
  return d;
}

std::vector<Restore> restores(const Hardware& h, const Architecture& a, Dtype weights, Dtype kv, std::int32_t tp,
                              std::int64_t tokens, std::int64_t object_tokens) {
  const Bytes per_gpu = tokens * a.kv_bytes_per_token_per_gpu(kv, tp);
  const double all = static_cast<double>(per_gpu.count) * tp;
  std::vector<Restore> out;
  const auto add = [&](std::string from, double s) { out.push_back({std::move(from), s, all / s}); };
  const NodeLinks dram = compile_links(h, tp, 1);
  add("DRAM", alone_s(dram, dram.load[0], per_gpu, ceil_div(tokens, kPageTokens)));
  for (const VertexKind kind : {VertexKind::ssd, VertexKind::remote}) {
    if (h.storage(kind) == nullptr) continue;
    const std::string name = kind == VertexKind::ssd ? "NVMe" : "remote store";
    const auto s = [&](bool bounce) {
      CopyWay way;
      way.bounce = bounce;
      const NodeLinks links = compile_links(h, tp, 1, {kind}, way);
      return alone_s(links, links.beyond[0].load[0], per_gpu, ceil_div(tokens, object_tokens));
    };
    add(name + ", shortest path", s(false));
    add(name + ", through DRAM", s(true));
  }
  constexpr std::int64_t kBudget = 8192;
  add("computing it again",
      seconds(prefill_time(roofline_step_time(a, h.gpu, tp, weights, kv), Tokens(tokens), Tokens(0), Tokens(kBudget))));
  return out;
}

}  // namespace kvplan::storage

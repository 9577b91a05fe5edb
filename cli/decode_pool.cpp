#include "cli/decode_pool.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "reports/cells.hpp"

namespace kvplan {
namespace {

constexpr std::int64_t kMostPairs = 1 << 16;  // of a prefill and a decode replica

// The node of each replica, and how many nodes there are.
struct Placement {
  std::vector<std::int64_t> prefill, decode;
  std::int64_t nodes = 0;
};

Placement place(const Built& b, std::int64_t replicas, std::int64_t tp, std::int64_t gpus_per_node) {
  Placement p;
  const std::int64_t per_node = b.config.replicas_per_node;
  for (std::int64_t r = 0; r < b.config.replicas; ++r) p.prefill.push_back(r / per_node);
  std::int64_t node = p.prefill.back(), used = (b.config.replicas - node * per_node) * b.config.gpus_per_replica;
  for (std::int64_t r = 0; r < replicas; ++r) {
    if (used + tp > gpus_per_node) ++node, used = 0;
    p.decode.push_back(node);
    used += tp;
  }
  p.nodes = node + 1;
  return p;
}

// One limit out of each prefill replica and one into each decode replica, of each kind of link.
class Links {
 public:
  Links(HandoffConfig& out, const Built& b, std::int64_t decode_tp, Time latency)
      : out_(out), prefill_tp_(b.config.gpus_per_replica), decode_tp_(static_cast<double>(decode_tp)), latency_(latency) {}

  void add_pair(std::size_t p, std::size_t d, const char* kind, double gpu_bytes_per_s) {
    const std::uint32_t from = limit(fmt::format("prefill{} {}", p, kind), gpu_bytes_per_s * prefill_tp_);
    const std::uint32_t to = limit(fmt::format("decode{} {}", d, kind), gpu_bytes_per_s * decode_tp_);
    out_.routes.push_back({{{from, 1}, {to, 1}}, latency_.count});
  }

 private:
  std::uint32_t limit(const std::string& name, double bytes_per_s) {
    const auto [at, is_first] = numbers_.try_emplace(name, static_cast<std::uint32_t>(out_.limits.size()));
    if (is_first) out_.limits.push_back({name, std::llround(bytes_per_s)});
    return at->second;
  }

  HandoffConfig& out_;
  double prefill_tp_, decode_tp_;
  Time latency_;
  std::map<std::string, std::uint32_t> numbers_;
};

}  // namespace

void add_decode_pool(Built& b, const Scenario& s, const Hardware& hardware, const Architecture& model) {
  const std::int64_t replicas = s.integer("disaggregation.decode_replicas");
  if (replicas == 0) return;
  if (b.config.replicas * replicas > kMostPairs) {
    throw InputError(s.finding("disaggregation.decode_replicas",
                               fmt::format("{} prefill and {} decode replicas are more than {} pairs",
                                           b.config.replicas, replicas, kMostPairs),
                               "simulate a part of the fleet with its part of the load"));
  }
  if (!b.config.outages.empty() || b.config.scaling.min_replicas > 0) {
    throw InputError(s.finding("disaggregation.decode_replicas",
                               "decode replicas of their own do not go together with nodes that fail or drain, or "
                               "replicas that follow the load",
                               "leave out fleet.* and scaling.*"));
  }
  const char* const width = s.has("disaggregation.decode_tp") ? "disaggregation.decode_tp" : "tp";
  const std::int64_t tp = s.integer(width);
  Scenario own = s;
  own.assign("disaggregation.decode_replicas", "0", s.origin("disaggregation.decode_replicas"));
  own.assign("tp", fmt::format("{}", tp), s.origin(width));
  own.assign("replicas", fmt::format("{}", replicas), s.origin("disaggregation.decode_replicas"));
  own.assign("replicas_per_node", nlohmann::json(), "built-in", {});  // which is about prefill replicas
  Built decode = build_config(own, "none", hardware, model);
  // These policies are about computing prompts.
  RouterPolicy& policy = decode.config.router.policy;
  if (policy == RouterPolicy::prefix_aware || policy == RouterPolicy::cost_aware) policy = RouterPolicy::least_loaded;
  const Placement placed = place(b, replicas, tp, hardware.gpus_per_node);
  HandoffConfig& handoff = b.config.handoff;
  handoff.layerwise = s.text("disaggregation.handover") == "layerwise";
  bool by_peer = false, by_network = false;
  Links links(handoff, b, tp, time_from_seconds(s.number("disaggregation.latency_s")));
  for (std::size_t p = 0; p < placed.prefill.size(); ++p) {
    for (std::size_t d = 0; d < placed.decode.size(); ++d) {
      const bool near = placed.prefill[p] == placed.decode[d] && hardware.gpu.peer_bytes_per_s.value > 0;
      (near ? by_peer : by_network) = true;
      links.add_pair(p, d, near ? "peer" : "network",
                     near ? hardware.gpu.peer_bytes_per_s.value : s.number("disaggregation.network_bytes_per_s"));
    }
  }
  b.nodes = static_cast<std::int32_t>(placed.nodes);
  b.config.decode_pool = {decode.config};
  b.notes.push_back(fmt::format(
      "disaggregated: {} of {}, {} of {} on {}; prompts cross {}", counted(b.config.replicas, "prefill replica"),
      counted(b.config.gpus_per_replica, "GPU"), counted(static_cast<double>(replicas), "decode replica"), tp,
      counted(static_cast<double>(placed.nodes), "node"),
      !by_network ? "the GPUs' peer links"
      : by_peer   ? "the GPUs' peer links or, between nodes, the network"
                  : "the network"));
}

}  // namespace kvplan

#include "studies/unified_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "hardware/topology.hpp"
#include "models/roofline.hpp"

namespace kvplan::unified_memory {
namespace {

std::string gb(double bytes) { return fmt::format("{:.1f} GB", bytes / 1e9); }

// What a step reads of the weights.
struct Reads {
  double always = 0;   // bytes that every token reads
  double experts = 0;  // bytes of all experts
  double share = 1;    // of the experts' bytes that a step's tokens choose
  double per_step() const { return always + experts * share; }
};

Reads reads(const Architecture& a, const Setting& s) {
  Reads r;
  const double all = static_cast<double>(a.weight_bytes(s.weights).count);
  const double table =
      a.tied_embeddings ? 0 : static_cast<double>(a.vocab) * a.hidden * bytes_per_element(unquantised(s.weights));
  if (a.moe.layers > 0) {
    r.experts = static_cast<double>(a.expert_parameters()) * bytes_per_element(s.weights);
    r.share = expected_experts(a.moe.experts, a.moe.experts_per_token, s.batch) / a.moe.experts;
  }
  r.always = std::max(0.0, all - r.experts - table);  // of the embedding table only the tokens' rows
  return r;
}

double link_rate(const Hardware& h, const Setting& s) {
  if (s.link_bytes_per_s > 0) return s.tp * s.link_bytes_per_s;
  const NodeLinks links = compile_links(h, s.tp, 1);
  return s.tp * static_cast<double>(rate_alone(links, links.load[0]));
}

// Bytes of a step that an LRU memory of `room` bytes lacks.
double misses(const Reads& r, double kv, double room) {
  const double step = r.per_step() + kv, steps = room / step;
  if (steps < 1) return step;
  return r.experts * r.share * std::pow(1 - r.share, steps);
}

Way way(std::string name, double host_bytes, double bytes_per_s, double step_s, const Setting& s) {
  return {std::move(name), host_bytes, bytes_per_s, step_s, s.batch / step_s, ""};
}

Way unavailable(std::string name, std::string why) {
  Way w;
  w.name = std::move(name);
  w.unavailable = std::move(why);
  return w;
}

}  // namespace

Need need(const Hardware& h, const Architecture& a, const Setting& s) {
  Need n;
  n.weights = static_cast<double>(a.weight_bytes_per_gpu(s.weights, s.tp).count) * s.tp;
  n.kv = static_cast<double>(a.kv_bytes(s.kv, Tokens(s.context_tokens)).count) * s.batch;
  n.runtime = static_cast<double>(kActivationAndRuntimeBytes.count) * s.tp;
  n.hbm = h.gpu.hbm_bytes.value * s.gpu_memory_utilization * s.tp;
  n.host = h.host_memory_bytes();
  n.spilled = std::max(0.0, n.weights + n.kv + n.runtime - n.hbm);
  return n;
}

std::vector<Way> ways(const Hardware& h, const Architecture& a, const Setting& s) {
  const Need n = need(h, a, s);
  if (!n.fits()) {
    throw InfeasibleError(fmt::format(
        "error: {} does not fit on {} at TP{}: {} of weights, {} of KV and {} of activations and runtime exceed the {} "
        "that HBM leaves by {}, and host memory has {}\n  help: {}",
        a.name, h.name, s.tp, gb(n.weights), gb(n.kv), gb(n.runtime), gb(n.hbm), gb(n.spilled), gb(n.host),
        fmt::join(ways_out(h, a, s), "; ")));
  }
  const Reads r = reads(a, s);
  const double resident = seconds(
      Time(roofline_step_time(a, h.gpu, s.tp, s.weights, s.kv)({s.batch, s.batch, s.batch * s.context_tokens, 0})));
  const double link = link_rate(h, s), hbm = s.tp * h.gpu.hbm_bytes_per_s.value * h.gpu.hbm_efficiency.value;
  const double experts_spilled = std::min(n.spilled, r.experts);
  const double touched = experts_spilled * r.share + (n.spilled - experts_spilled);
  const double room = n.hbm - n.runtime, missed = n.spilled > 0 ? misses(r, n.kv, room) : 0;
  std::vector<Way> all;
  all.push_back(way("streamed on demand", n.spilled, link, resident + n.spilled / link, s));
  const double fill = n.spilled / link / a.layers;
  all.push_back(way("streamed one layer ahead", n.spilled, link, std::max(resident, n.spilled / link) + fill, s));
  const double in_place = s.tp * h.in_place_bytes_per_s.value;
  if (in_place > 0) {
    const double rate = std::min(in_place, link);
    all.push_back(way(h.coherent ? "in place, coherent" : "in place, pinned", touched, rate,
                      resident - touched / hbm + touched / rate, s));
  } else {
    all.push_back(unavailable("in place", "the hardware file has no in_place_bytes_per_s"));
  }
  const double managed = s.tp * h.managed_bytes_per_s.value;
  if (managed > 0) {
    all.push_back(way("managed memory, faults", missed, managed, resident + missed / managed, s));
  } else {
    all.push_back(unavailable("managed memory, faults", "the hardware file has no managed_bytes_per_s"));
  }
  if (!h.coherent) {
    all.push_back(unavailable("access counters", "the host's memory is not coherent with the GPU's"));
    return all;
  }
  if (in_place > 0) {
    Way settled = all[2];
    settled.name = "access counters, with headroom";
    all.push_back(settled);
  }
  if (managed > 0) {
    // What changes places in a step is what does not fit, and as much of what it displaces is read in place.
    all.push_back(way("access counters, thrashing", touched, managed, resident + touched / managed, s));
  }
  return all;
}

std::vector<std::string> ways_out(const Hardware& h, const Architecture& a, const Setting& s) {
  std::vector<std::string> out;
  const auto tell = [&](const std::string& what, const Hardware& on, const Setting& other) {
    const Need n = need(on, a, other);
    if (n.spilled == 0)
      out.push_back(fmt::format("{}: {} fit in HBM", what, gb(n.weights + n.kv + n.runtime)));
    else if (n.fits() && !need(h, a, s).fits())
      out.push_back(fmt::format("{}: fits with {} in host memory", what, gb(n.spilled)));
  };
  for (const Dtype d : {Dtype::fp8, Dtype::fp4}) {
    if (bytes_per_element(d) >= bytes_per_element(s.weights)) continue;
    Setting other = s;
    other.weights = d;
    tell(fmt::format("{} weights", name_of(d)), h, other);
  }
  for (std::int32_t tp = s.tp + 1; tp <= h.gpus_per_node; ++tp) {
    if (a.heads % tp != 0) continue;
    Setting other = s;
    other.tp = tp;
    if (need(h, a, other).spilled > 0 && tp < h.gpus_per_node) continue;
    tell(fmt::format("tp {}", tp), h, other);
    break;
  }
  Setting one = s;
  one.context_tokens = 0;
  const Need empty = need(h, a, one);
  const double room = empty.hbm - empty.weights - empty.runtime,
               token = need(h, a, s).kv / std::max<std::int64_t>(1, s.context_tokens);
  const auto contexts = [&](double bytes, const char* where) {
    if (bytes > token) out.push_back(fmt::format("contexts of {:.0f} tokens at most, {}", std::floor(bytes / token), where));
  };
  if (need(h, a, s).spilled > 0) contexts(room, "all in HBM");
  if (!need(h, a, s).fits()) contexts(room + empty.host, "with those in host memory");
  for (const std::string& name : hardware_names()) {
    const Hardware other = load_hardware(name);
    if (other.gpu.hbm_bytes.value <= h.gpu.hbm_bytes.value || other.gpus_per_node < s.tp ||
        need(other, a, s).spilled > 0)
      continue;
    out.push_back(fmt::format("{}: fits in HBM", name));
    break;
  }
  if (out.empty()) out.push_back("a smaller model, or more GPUs than a node has");
  return out;
}

}  // namespace kvplan::unified_memory

#include "models/memory.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/error.hpp"

namespace kvplan {
namespace {

std::int64_t weights_per_gpu(const Architecture& model, std::int32_t tp, Dtype weights) {
  return model.weight_bytes_per_gpu(weights, tp).count;
}

std::string gb(std::int64_t bytes) {
  return fmt::format("{:.1f} GB ({} bytes)", static_cast<double>(bytes) / 1e9, bytes);
}

// A wider replica is one only where a node has GPUs for it: replicas do not span nodes.
std::string ways_out(const Architecture& model, const Hardware& hardware, std::int64_t usable, std::int32_t tp,
                     Dtype weights) {
  const std::int64_t room = usable - kActivationAndRuntimeBytes.count;
  std::string text;
  for (std::int32_t wider = tp + 1; wider <= hardware.gpus_per_node && text.empty(); ++wider) {
    const std::int64_t need = weights_per_gpu(model, wider, weights);
    if (model.heads % wider == 0 && need < room) {
      text = fmt::format("tp {} ({:.1f} GB of weights a GPU), ", wider, static_cast<double>(need) / 1e9);
    }
  }
  const std::int64_t fp8 = weights_per_gpu(model, tp, Dtype::fp8);
  if (bytes_per_element(weights) > 1 && fp8 < room) {
    text += fmt::format("fp8 weights ({:.1f} GB), ", static_cast<double>(fp8) / 1e9);
  }
  return text + "a GPU with more memory, a node with more GPUs, or a smaller model";
}

}  // namespace

Bytes kv_memory_per_gpu(const Architecture& model, const Hardware& hardware, std::int32_t tp, Dtype weights,
                        double gpu_memory_utilization) {
  const Gpu& gpu = hardware.gpu;
  const std::int64_t usable = std::llround(gpu.hbm_bytes.value * gpu_memory_utilization);
  const std::int64_t need = weights_per_gpu(model, tp, weights) + kActivationAndRuntimeBytes.count;
  if (usable > need) return Bytes(usable - need);
  throw InfeasibleError(fmt::format(
      "error: {} does not fit on {} at TP{}: {} of {} weights a GPU and {} of activations and runtime need {}, but "
      "{} x {:.1f} GB leave {}, before any KV\n  help: {}",
      model.name, gpu.name, tp, gb(weights_per_gpu(model, tp, weights)), name_of(weights),
      gb(kActivationAndRuntimeBytes.count), gb(need), gpu_memory_utilization, gpu.hbm_bytes.value / 1e9, gb(usable),
      ways_out(model, hardware, usable, tp, weights)));
}

KvShare kv_share(const Architecture& a, Dtype kv, std::int32_t tp, Bytes memory, std::int64_t sequences) {
  const Bytes all_gpu = a.kv_bytes_per_token_per_gpu(kv, tp);
  const KvShare whole{tp * all_gpu, all_gpu, Bytes(0), memory, a.layers};
  const std::int64_t full_layers = a.layers - a.window.layers;
  if (a.window.layers == 0 || full_layers == 0) return whole;
  const std::int64_t windowed = all_gpu.count / a.layers * a.window.layers;
  const Bytes aside(sequences * a.window.tokens * windowed), full_gpu(all_gpu.count / a.layers * full_layers);
  if (aside.count >= memory.count) return whole;
  const Bytes rest(memory.count - aside.count);
  if (rest.count / full_gpu.count <= memory.count / all_gpu.count) return whole;
  return {tp * full_gpu, full_gpu, aside, rest, static_cast<std::int32_t>(full_layers)};
}

Bytes page_of_layer(const Architecture& a, const KvShare& share, std::int32_t page_tokens) {
  const std::int64_t parts = std::int64_t{a.latent() ? 1 : 2} * share.layers;
  return Bytes(std::max<std::int64_t>(1, page_tokens * share.per_token_per_gpu.count / parts));
}

}  // namespace kvplan

#include "cli/presets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace kvplan {
namespace {

struct Preset {
  const char* name;
  std::vector<std::pair<const char*, const char*>> settings;
};

const std::vector<Preset>& presets() {
  static const std::vector<Preset> table = {
      // One block of HBM pages a chunk, cross-layer blocks, stores at the start of the next step, whole-prefix loads.
      {"vllm",
       {{"offload.dram_scope", "replica"},
        {"offload.store", "through"},
        {"offload.defer_stores", "true"},
        {"offload.load", "blocking"},
        {"offload.chunk_tokens", "16"},
        {"offload.layout", "block-first"},
        {"offload.eviction", "lru"}}},
      // Chunks of 256 tokens over layer-first pages, gathered by a kernel; the node's memory, then its disk, then a server.
      {"lmcache",
       {{"offload.dram_scope", "node"},
        {"offload.store", "through"},
        {"offload.load", "blocking"},
        {"offload.chunk_tokens", "256"},
        {"offload.layout", "layer-first"},
        {"offload.copy_method", "kernel"},
        {"offload.eviction", "lru"}}},
      // Layer by layer by a kernel on few SMs, stores of what has been hit, prompts before decodes; read ahead from
      // storage while a request queues.
      {"hicache",
       {{"engine.order", "prefill-first"},
        {"offload.dram_scope", "replica"},
        {"offload.store", "selective"},
        {"offload.selective_hits", "2"},
        {"offload.load", "layerwise"},
        {"offload.layout", "layer-first"},
        {"offload.copy_method", "kernel"},
        {"offload.prefetch", "true"},
        {"offload.prefetch_tokens", "256"},
        {"offload.eviction", "lru"},
        {"offload.ssd_store", "through"},
        {"offload.remote_store", "through"}}},
      // Written back on eviction from HBM from priority 30 on; 101 priorities, LRU inside; a step waits for all loads.
      {"trtllm",
       {{"engine.eviction", "priority"},
        {"offload.dram_scope", "replica"},
        {"offload.store", "back"},
        {"offload.load", "in-step"},
        {"offload.chunk_tokens", "32"},
        {"offload.layout", "block-first"},
        {"offload.eviction", "priority"},
        {"retention.prefix_priority", "35"},
        {"retention.prompt_priority", "35"},
        {"retention.answer_priority", "35"}}},
      // Registered blocks go down at once, tier by tier, and are dropped silently where a tier is full.
      {"kvbm",
       {{"offload.dram_scope", "replica"},
        {"offload.store", "through"},
        {"offload.load", "blocking"},
        {"offload.chunk_tokens", "16"},
        {"offload.layout", "block-first"},
        {"offload.eviction", "lru"},
        {"offload.ssd_store", "through"},
        {"offload.remote_store", "through"}}},
  };
  return table;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& p : presets()) names.push_back(p.name);
  return names;
}

void apply_preset(Scenario& s) {
  if (!s.has("offload.preset")) return;
  const std::string name = s.text("offload.preset");
  for (const Preset& p : presets()) {
    if (name != p.name) continue;
    for (const auto& [path, value] : p.settings) {
      if (s.is_built_in(path)) s.assign(path, std::string(value), "preset " + name);
    }
    return;
  }
  KVPLAN_ASSERT(!"a preset of the table");
}

}  // namespace kvplan

#include "cli/provenance.hpp"

#include <fmt/format.h>

#include <set>

#include "base/json_text.hpp"
#include "base/sha256.hpp"
#include "cli/version.hpp"
#include "reports/cells.hpp"

namespace kvplan {
namespace {

Json trace_block(const Workload& w) {
  Json notes = Json::array();
  for (const WorkloadNote& n : w.notes) notes.push_back({{"what", n.what}, {"rows", n.rows}});
  return {{"name", w.name},
          {"format", w.format},
          {"sha256", w.sha256},
          {"turns", w.turns.size()},
          {"sessions", w.session_count},
          {"blocks", w.block_count()},
          {"block_tokens", w.block_tokens},
          {"notes", notes}};
}

// Each source once, in order of the alphabet.
Json hardware_block(const Hardware& h) {
  std::set<std::string> sources;
  const auto add = [&](const Sourced& s) {
    if (!s.source.empty()) sources.insert(s.date.empty() ? s.source : fmt::format("{} ({})", s.source, s.date));
  };
  const Gpu& g = h.gpu;
  for (const Sourced* s : {&g.bf16_flops,
                           &g.fp8_flops,
                           &g.hbm_bytes,
                           &g.hbm_bytes_per_s,
                           &g.peer_bytes_per_s,
                           &g.idle_watts,
                           &g.busy_watts,
                           &g.prefill_watts,
                           &g.decode_watts,
                           &g.gemm_efficiency,
                           &g.fp8_gemm_efficiency,
                           &g.prefill_attention_efficiency,
                           &g.hbm_efficiency,
                           &g.decode_attention_efficiency,
                           &g.kernel_launch_s,
                           &g.attention_floor_s,
                           &g.step_host_s,
                           &g.sequence_host_s,
                           &g.allreduce_floor_s,
                           &g.allreduce_bytes_per_s,
                           &h.usd_per_gpu_hour,
                           &h.copy_slowdown_to_device,
                           &h.copy_slowdown_from_device,
                           &h.compute_slowdown_to_device,
                           &h.compute_slowdown_from_device,
                           &h.control_wait_pieces_to_device,
                           &h.control_wait_pieces_from_device}) {
    add(*s);
  }
  for (const LinkKind& l : h.link_kinds) {
    add(l.to_device_bytes_per_s), add(l.from_device_bytes_per_s), add(l.duplex_bytes_per_s);
    add(l.to_device_segment_s), add(l.from_device_segment_s);
  }
  for (const CopySurface& s : h.copy_surfaces) add(s.source);
  for (const Vertex& v : h.vertices) add(v.bytes), add(v.bytes_per_s), add(v.read_bytes_per_s), add(v.write_bytes_per_s);
  return {{"name", h.name}, {"title", h.title}, {"sources", sources}, {"notes", h.notes}};
}

Json derived_block(const Built& b) {
  const SimulationConfig& c = b.config;
  Json block = {{"gpus", b.gpus()},
                {"nodes", b.nodes},
                {"kv_bytes_per_token", c.kv_bytes_per_token.count},
                {"hbm_kv_bytes_per_gpu", b.kv_memory_per_gpu.count},
                {"hbm_kv_tokens_per_replica", c.engine.g1_pages.count * c.engine.page_tokens},
                {"max_context_tokens", c.engine.max_context_tokens},
                {"dram_bytes_per_node", nullptr},
                {"dram_kv_tokens_per_node", nullptr},
                {"ssd_bytes_per_node", nullptr},
                {"remote_bytes", nullptr},
                {"segment_bytes", nullptr}};
  if (c.offload.enabled) {
    block["dram_bytes_per_node"] = b.dram_per_node.count;
    block["dram_kv_tokens_per_node"] = b.dram_per_node / c.kv_bytes_per_token;
    block["segment_bytes"] = c.offload.segment.count;
  }
  if (b.ssd_per_node > Bytes(0)) block["ssd_bytes_per_node"] = b.ssd_per_node.count;
  if (b.remote > Bytes(0)) block["remote_bytes"] = b.remote.count;
  return block;
}

std::string in_words(const Scenario& s, const Workload& w, const Architecture& model, const Built& b) {
  std::string also;
  for (const OtherKind& kind : b.others) also += fmt::format(" and {} on {}", kind.built.config.replicas, kind.hardware.name);
  for (const SimulationConfig& own : b.config.decode_pool) {
    also += fmt::format(" for prompts, {} of {} for answers", own.replicas, counted(own.gpus_per_replica, "GPU"));
  }
  return fmt::format("{}: {} of {}; {} with {} weights and {} KV; {} of {}{}", w.name,
                     counted(static_cast<double>(w.turns.size()), "turn"), counted(w.session_count, "session"),
                     model.name, s.text("weights"), s.text("kv_dtype"), counted(b.config.replicas, "replica"),
                     counted(b.config.gpus_per_replica, "GPU"), also);
}

}  // namespace

Json provenance(const Scenario& s, const Workload& w, const Hardware& hardware, const Architecture& model,
                const Built& b) {
  const Json scenario = s.merged();
  Json inputs = {{"summary", in_words(s, w, model, b)},
          {"tool", {{"name", "kvplan"}, {"version", version()}, {"git_commit", git_commit()}}},
          {"scenario", scenario},
          {"scenario_sha256", sha256_hex(json_text(scenario))},
          {"seed", s.integer("seed")},
          {"trace", trace_block(w)},
          {"hardware", hardware_block(hardware)},
          {"model", {{"name", model.name}, {"title", model.title}, {"source", model.source}, {"date", model.date}}},
          {"step_time", b.config.step_times[0].provenance},
          {"derived", derived_block(b)},
          {"quantiles", "exact, nearest rank"}};
  for (const OtherKind& kind : b.others) {
    inputs["other_kinds"].push_back({{"hardware", hardware_block(kind.hardware)},
                                     {"step_time", kind.built.config.step_times[0].provenance},
                                     {"derived", derived_block(kind.built)}});
  }
  return inputs;
}

}  // namespace kvplan

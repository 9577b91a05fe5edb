#include "cli/build_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "cli/decode_pool.hpp"
#include "cli/fleet_options.hpp"
#include "cli/mixed_fleet.hpp"
#include "cli/step_price.hpp"
#include "hardware/topology.hpp"
#include "models/memory.hpp"
#include "models/roofline.hpp"
#include "reports/cells.hpp"
#include "sim/eviction/eviction.hpp"
#include "sim/routing/router.hpp"
#include "sim/speculation.hpp"

namespace kvplan {
namespace {

std::int32_t int32(const Scenario& s, const char* path) { return static_cast<std::int32_t>(s.integer(path)); }

std::int32_t context_window(const Scenario& s, const Architecture& model) {
  if (!s.has("engine.max_context_tokens")) return model.max_context_tokens;
  const std::int64_t wanted = s.integer("engine.max_context_tokens");
  if (wanted > model.max_context_tokens) {
    throw InputError(s.finding("engine.max_context_tokens",
                               fmt::format("engine.max_context_tokens {} exceeds the window of {}, {} tokens", wanted,
                                           model.name, model.max_context_tokens),
                               "leave it out to use the model's window"));
  }
  return static_cast<std::int32_t>(wanted);
}

EngineConfig engine_config(const Scenario& s, const Architecture& model) {
  EngineConfig e;
  e.max_num_seqs = int32(s, "engine.max_num_seqs");
  e.max_num_batched_tokens = int32(s, "engine.max_num_batched_tokens");
  if (e.max_num_batched_tokens < e.max_num_seqs) {
    throw InputError(s.finding("engine.max_num_batched_tokens",
                               fmt::format("engine.max_num_batched_tokens {} is less than engine.max_num_seqs {}: each "
                                           "decoding sequence takes a token of every step",
                                           e.max_num_batched_tokens, e.max_num_seqs),
                               "raise the one or lower the other"));
  }
  e.order = s.text("engine.order") == "mixed" ? StepOrder::mixed : StepOrder::prefill_first;
  e.whole_prompts = s.boolean("engine.whole_prompts");
  e.overlap = s.boolean("engine.overlap");
  e.page_tokens = int32(s, "engine.page_tokens");
  if (!std::has_single_bit(static_cast<std::uint32_t>(e.page_tokens))) {
    throw InputError(s.finding("engine.page_tokens",
                               fmt::format("engine.page_tokens {} is not a power of two", e.page_tokens),
                               fmt::format("{} is", std::bit_floor(static_cast<std::uint32_t>(e.page_tokens)))));
  }
  e.max_context_tokens = context_window(s, model);
  e.frontend_fixed = time_from_seconds(s.number("frontend.fixed_s"));
  e.frontend_ps_per_token = std::llround(s.number("frontend.per_token_s") * static_cast<double>(kPsPerS));
  if (s.has("frontend.requests_per_s")) e.frontend_service_fixed = time_from_seconds(1 / s.number("frontend.requests_per_s"));
  if (s.has("frontend.tokens_per_s")) {
    e.frontend_service_ps_per_token = std::llround(static_cast<double>(kPsPerS) / s.number("frontend.tokens_per_s"));
  }
  return e;
}

// A page of one GPU is contiguous over all layers, K and V (block-first), or is cut into these.
Bytes segment_bytes(const Scenario& s, const Architecture& model, std::int32_t page_tokens, const KvShare& kv) {
  return s.text("offload.layout") == "block-first" ? page_tokens * kv.per_token_per_gpu
                                                   : page_of_layer(model, kv, page_tokens);
}

StorePolicy store_policy(const std::string& name) {
  if (name == "back") return StorePolicy::back;
  return name == "selective" ? StorePolicy::selective : StorePolicy::through;
}

Eviction eviction(const Scenario& s, const char* path) {
  for (const EvictionEntry& e : eviction_table()) {
    if (s.text(path) == e.name) return e.eviction;
  }
  KVPLAN_ASSERT(!"a choice of the option");
}

LoadPolicy load_policy(const std::string& name) {
  if (name == "layerwise") return LoadPolicy::layerwise;
  return name == "in-step" ? LoadPolicy::in_step : LoadPolicy::blocking;
}

Scope scope(const std::string& name) {
  if (name == "replica") return Scope::replica;
  return name == "node" ? Scope::node : Scope::fleet;
}

LoadChoice load_choice(const std::string& name) {
  if (name == "recompute") return LoadChoice::recompute;
  if (name == "cheaper") return LoadChoice::cheaper;
  return name == "partial" ? LoadChoice::partial : LoadChoice::load;
}

RetentionConfig retention_config(const Scenario& s) {
  RetentionConfig r;
  r.prefix = s.integer("retention.prefix_priority");
  r.prompt = s.integer("retention.prompt_priority");
  r.answer = s.integer("retention.answer_priority");
  r.fallback = s.integer("retention.default_priority");
  r.store_from = s.integer("retention.store_from_priority");
  if (s.has("retention.duration_s")) r.duration = time_from_seconds(s.number("retention.duration_s"));
  const auto ascends = [&](const char* path, const char* before, std::int64_t own, std::int64_t most) {
    if (own <= most) return;
    throw InputError(s.finding(path, fmt::format("{} {} exceeds {} {}: a block is of no use without those before it", path, own, before, most),
                               fmt::format("lower it to {}, or raise {}", most, before)));
  };
  ascends("retention.prompt_priority", "retention.prefix_priority", r.prompt, r.prefix);
  ascends("retention.answer_priority", "retention.prompt_priority", r.answer, r.prompt);
  return r;
}

OffloadConfig offload_config(const Scenario& s) {
  OffloadConfig o;
  o.enabled = true;
  o.store = store_policy(s.text("offload.store"));
  o.load = load_policy(s.text("offload.load"));
  o.scope = scope(s.text("offload.dram_scope"));
  o.selective_hits = int32(s, "offload.selective_hits");
  o.chunk_tokens = int32(s, "offload.chunk_tokens");
  o.promote = s.boolean("offload.promote");
  o.prefetch_tokens = int32(s, "offload.prefetch_tokens");
  o.choice = load_choice(s.text("offload.load_choice"));
  o.defer_stores = s.boolean("offload.defer_stores");
  o.eviction = eviction(s, "offload.eviction");
  return o;
}

RouterConfig router_config(const Scenario& s) {
  RouterConfig r;
  for (const RouterEntry& e : router_table()) {
    if (s.text("router.policy") == e.name) r.policy = e.policy;
  }
  r.seed = static_cast<std::uint64_t>(s.integer("seed"));
  r.view = s.text("router.view") == "routed"     ? RouterView::routed
           : s.text("router.view") == "snapshot" ? RouterView::snapshot
                                                 : RouterView::exact;
  r.view_interval = time_from_seconds(s.number("router.view_interval_s"));
  if (s.has("router.view_ttl_s")) r.view_ttl = time_from_seconds(s.number("router.view_ttl_s"));
  r.cache_threshold = s.number("router.cache_threshold");
  r.balance_requests = s.integer("router.balance_requests");
  r.balance_factor = s.number("router.balance_factor");
  r.queue_weight = s.number("router.queue_weight");
  r.kv_use_weight = s.number("router.kv_use_weight");
  r.g1_prefix_weight = s.number("router.g1_prefix_weight");
  r.g2_prefix_weight = s.number("router.g2_prefix_weight");
  r.recency_weight = s.number("router.recency_weight");
  return r;
}

// Bit 0: a load runs beside the step, bit 1: a store. An SM kernel takes SMs from compute on top of what any copy takes.
StepTimes step_times(const StepTime& base, const Hardware& hardware, const std::string& copy_method) {
  double load = hardware.copy_slowdown_to_device.value, store = hardware.copy_slowdown_from_device.value;
  const auto by_kernel = [&](double& factor, const Sourced& taken) {
    if (copy_method == "kernel" && taken.value > 0) factor *= taken.value;
  };
  by_kernel(load, hardware.kernel_copy_slowdown_to_device);
  by_kernel(store, hardware.kernel_copy_slowdown_from_device);
  return {base, base.scaled(load), base.scaled(store), base.scaled(load * store)};
}

// A step's own small copies (token ids and block tables to the device, sampled tokens back) wait for what the copy
// engine of their direction is busy with: a segment of a KV copy or, where segments are gathered or batched first, a
// chunk of offload. A copy by SM kernel does not use that engine.
void add_control_waits(Built& b, const Hardware& h, const std::string& method) {
  SimulationConfig& c = b.config;
  const auto wait_ps = [&](const Sourced& pieces, const Route& route, Bytes segment) -> std::int64_t {
    const bool dma = route.submission_ps.empty();
    if (!dma && method == "kernel") return 0;
    const Bytes piece = dma ? segment : std::max(segment, c.kv_bytes_per_token_per_gpu * c.offload.chunk_tokens);
    const double s =
        time_from_seconds(1).count * static_cast<double>(piece.count) / static_cast<double>(rate_alone(c.links, route));
    return std::llround(pieces.value * (static_cast<double>(route.segment_ps) + s));
  };
  const std::int64_t load = wait_ps(h.control_wait_pieces_to_device, c.links.load[0], load_segment(c.offload));
  const std::int64_t store = wait_ps(h.control_wait_pieces_from_device, c.links.store[0], c.offload.segment);
  if (load + store == 0) return;
  c.step_times[1] = c.step_times[1].delayed(load);
  c.step_times[2] = c.step_times[2].delayed(store);
  c.step_times[3] = c.step_times[3].delayed(load + store);
  b.notes.push_back(fmt::format("a step's own copies wait {:.0f} us behind a load and {:.0f} us behind a store ({})",
                                static_cast<double>(load) / 1e6, static_cast<double>(store) / 1e6,
                                h.control_wait_pieces_to_device.source));
}

// Each decoding sequence takes a token and its drafts of every step's budget.
void add_speculation(SimulationConfig& c, const Scenario& s) {
  const std::int32_t drafts = int32(s, "engine.draft_tokens");
  if (drafts == 0) return;
  const std::int64_t most = std::int64_t{c.engine.max_num_seqs} * (1 + drafts);
  if (most > c.engine.max_num_batched_tokens) {
    throw InputError(s.finding("engine.draft_tokens",
                               fmt::format("engine.max_num_seqs {} with engine.draft_tokens {} take up to {} tokens of a "
                                           "step, more than engine.max_num_batched_tokens {}",
                                           c.engine.max_num_seqs, drafts, most, c.engine.max_num_batched_tokens),
                               fmt::format("choose at most {} sequences", c.engine.max_num_batched_tokens / (1 + drafts))));
  }
  speculate(c, drafts, s.number("engine.draft_acceptance"), s.number("engine.draft_cost"));
}

void check_parallelism(const Scenario& s, const Parallelism& parallel, const Architecture& model) {
  if (!parallel.experts) return;
  if (model.moe.layers == 0) {
    throw InputError(s.finding("expert_parallel", fmt::format("expert_parallel is on, but {} has no experts", model.name),
                               "leave it out"));
  }
  if (model.moe.experts % parallel.tp != 0) {
    throw InputError(s.finding("expert_parallel",
                               fmt::format("{} experts of {} cannot be shared evenly by {} GPUs", model.moe.experts,
                                           model.name, parallel.tp),
                               fmt::format("choose a tp that divides {}", model.moe.experts)));
  }
}

void place(Built& b, const Scenario& s, const Hardware& hardware) {
  b.config.gpus_per_replica = int32(s, "tp");
  b.config.replicas = int32(s, "replicas");
  if (b.config.gpus_per_replica > hardware.gpus_per_node) {
    throw InfeasibleError(fmt::format(
        "error: a replica of {} GPUs is wider than a node of {}, which has {}\n  help: lower tp; replicas that span "
        "nodes over a network are not simulated",
        b.config.gpus_per_replica, hardware.name, hardware.gpus_per_node));
  }
  const std::int32_t room = hardware.gpus_per_node / b.config.gpus_per_replica;
  b.config.replicas_per_node = static_cast<std::int32_t>(replicas_of_full_node(s, hardware));
  if (b.config.replicas_per_node > room) {
    throw InfeasibleError(fmt::format("error: {} replicas of {} GPUs do not fit on a node of {}, which has {} GPUs\n  help: "
                                      "at most {} (replicas_per_node)",
                                      b.config.replicas_per_node, b.config.gpus_per_replica, hardware.name,
                                      hardware.gpus_per_node, room));
  }
  b.nodes = static_cast<std::int32_t>(ceil_div(b.config.replicas, b.config.replicas_per_node));
}

// That are there, of a node which has as many as any.
std::int32_t replicas_on_full_node(const SimulationConfig& c) { return std::min(c.replicas, c.replicas_per_node); }
std::int32_t gpus_on_full_node(const SimulationConfig& c) { return replicas_on_full_node(c) * c.gpus_per_replica; }

// Of one tier. `held`: of a full node's memory or drives, or of the remote store, which is one for all.
Bytes tier_capacity(const Built& b, bool of_node, Scope scope, Bytes held, bool by_replica) {
  const std::int64_t replicas = b.config.replicas, nodes = b.nodes;
  const std::int64_t per_node = replicas_on_full_node(b.config);
  if (of_node) {
    if (scope == Scope::fleet) return by_replica ? Bytes(held.count / per_node * replicas) : held * nodes;
    return scope == Scope::node ? held : Bytes(held.count / per_node);
  }
  return Bytes(held.count / (scope == Scope::fleet ? 1 : scope == Scope::node ? nodes : replicas));
}

// A node's memory and drives are there for KV by the share of its GPUs that is paid for.
void note_share(Built& b, const Scenario& s, const Hardware& hardware, double held, const char* what_is,
                const char* option) {
  const SimulationConfig& c = b.config;
  const bool prompts = s.integer("disaggregation.decode_replicas") > 0;
  const auto note = [&](const char* whose, std::int32_t gpus) {
    if (gpus == hardware.gpus_per_node) return;
    const char* use = prompts ? (gpus == 1 ? "computes prompts" : "compute prompts")
                              : (gpus == 1 ? "is used and paid for" : "are used and paid for");
    b.notes.push_back(fmt::format("{} of {} node's {} GPUs {}, so {} of its {} taken for KV ({})", gpus, whose,
                                  hardware.gpus_per_node, use, human_bytes(held * gpus / hardware.gpus_per_node), what_is,
                                  option));
  };
  const std::int32_t full = gpus_on_full_node(c);
  const std::int32_t last = (c.replicas - (b.nodes - 1) * c.replicas_per_node) * c.gpus_per_replica;
  note("a", full);
  if (last < full) note("the last", last);
}

void add_dram(Built& b, const Scenario& s, const Hardware& hardware, const Architecture& model) {
  const double held = hardware.host_memory_bytes();
  // Whoever pays for some of a node's GPUs has that share of its memory.
  const double share = held * gpus_on_full_node(b.config) / hardware.gpus_per_node;
  b.dram_per_node = s.has("offload.dram_bytes") ? Bytes(s.integer("offload.dram_bytes")) : Bytes(std::llround(share));
  if (static_cast<double>(b.dram_per_node.count) > held) {
    b.notes.push_back(fmt::format("HYPOTHETICAL: {} of DRAM a node for KV, but {} holds {}",
                                  human_bytes(static_cast<double>(b.dram_per_node.count)), hardware.name,
                                  human_bytes(held)));
  }
  SimulationConfig& c = b.config;
  c.offload = offload_config(s);
  c.offload.by_replica = !s.has("offload.dram_bytes");
  c.offload.capacity = tier_capacity(b, true, c.offload.scope, b.dram_per_node, c.offload.by_replica);
  c.offload.segment = segment_bytes(s, model, c.engine.page_tokens, b.kv);
  // Of a page of all layers, what one layer needs lies apart from what the next one does.
  if (c.offload.load == LoadPolicy::layerwise && s.text("offload.layout") == "block-first") {
    c.offload.load_segment = Bytes(std::max<std::int64_t>(1, c.offload.segment.count / b.kv.layers));
  }
  if (c.offload.by_replica) note_share(b, s, hardware, held, "DRAM is", "offload.dram_bytes");
}

// A tier that is narrower than the one above it would be handed what it cannot find again.
void check_scope(const Scenario& s, const char* option, Scope own, const OffloadConfig& above) {
  const bool first = above.beyond.empty();
  const Scope wide = first ? above.scope : above.beyond.back().scope;
  if (own >= wide) return;
  const char* names[] = {"replica", "node", "fleet"};
  const char* upper = first ? "offload.dram_scope" : "offload.ssd_scope";
  throw InputError(s.finding(option,
                             fmt::format("{} {} is narrower than {} {}: a tier serves at least whom the one above it serves",
                                         option, names[static_cast<int>(own)], upper, names[static_cast<int>(wide)]),
                             fmt::format("widen {}, or narrow {}", option, upper)));
}

// Whoever pays for some of a node's GPUs has that share of its drives; the remote store serves the whole fleet.
void add_storage(Built& b, const Scenario& s, const Hardware& hardware, VertexKind kind) {
  const double held = hardware.storage(kind)->bytes.value;
  const bool ssd = kind == VertexKind::ssd;
  const char* option = ssd ? "offload.ssd_bytes" : "offload.remote_bytes";
  const double share = ssd ? held * gpus_on_full_node(b.config) / hardware.gpus_per_node : held;
  const Bytes capacity = s.has(option) ? Bytes(s.integer(option)) : Bytes(std::llround(share));
  const bool by_replica = ssd && !s.has(option);
  if (static_cast<double>(capacity.count) > held) {
    b.notes.push_back(fmt::format("HYPOTHETICAL: {} for KV ({}), but the hardware file has {}",
                                  human_bytes(static_cast<double>(capacity.count)), option, human_bytes(held)));
  }
  if (by_replica) note_share(b, s, hardware, held, "drives is", option);
  (ssd ? b.ssd_per_node : b.remote) = capacity;
  const char* store = ssd ? "offload.ssd_store" : "offload.remote_store";
  const StorePolicy policy = store_policy(s.text(store));
  if (policy == StorePolicy::back && !b.config.offload.beyond.empty()) {
    throw InputError(s.finding(store, fmt::format("{} is back, but the remote store is not next to DRAM: SSD is", store),
                               "DRAM evicts to the tier next to it; choose through or selective"));
  }
  const char* scope_option = ssd ? "offload.ssd_scope" : "offload.remote_scope";
  const Scope own = scope(s.text(scope_option));
  check_scope(s, scope_option, own, b.config.offload);
  b.config.offload.beyond.push_back({ssd ? Storage::ssd : Storage::remote, own,
                                     tier_capacity(b, ssd, own, capacity, by_replica),
                                     eviction(s, ssd ? "offload.ssd_eviction" : "offload.remote_eviction"), policy, by_replica});
}

// What a preset takes its system to copy by, a node that it was not measured on does by DMA.
std::string copy_method(Built& b, const Scenario& s, const Hardware& hardware) {
  const std::string method = s.text("offload.copy_method");
  const auto measured = [&](const CopySurface& surface) { return surface.method == method; };
  if (method == "dma" || method == "staged" || s.origin("offload.copy_method").rfind("preset", 0) != 0 ||
      std::any_of(hardware.copy_surfaces.begin(), hardware.copy_surfaces.end(), measured)) {
    return method;
  }
  b.notes.push_back(fmt::format("copies by {} were not measured on {}: taken as DMA", method, hardware.name));
  return "dma";
}

CopyWay copy_way(const Scenario& s, const OffloadConfig& o, const std::string& method) {
  CopyWay way;
  way.far_memory = s.text("offload.placement") == "far";
  way.prefetch = o.prefetch;
  way.bounce = s.text("offload.storage_path") == "through-dram";
  way.method = method;
  way.load_segment = load_segment(o);
  way.store_segment = o.segment;
  return way;
}

// Segments that no copy of the measured method was as small or as large as.
void tell_of_copies(Built& b, const CopyWay& way, const Hardware& hardware) {
  const Sourced& taken = hardware.kernel_copy_slowdown_to_device;
  if (way.method == "kernel") {
    b.notes.push_back(taken.value > 0
                          ? fmt::format("copies by SM kernels slow compute by a further factor of {} ({})", taken.value, taken.source)
                          : "what copies by SM kernels take from compute is not known of this hardware, and not counted");
  }
  for (const CopySurface& surface : hardware.copy_surfaces) {
    const Bytes segment = surface.to_device ? way.load_segment : way.store_segment;
    if (surface.method != way.method || surface.covers(segment.count)) continue;
    b.notes.push_back(fmt::format("EXTRAPOLATED: segments of {} bytes lie beyond what copies by {} were measured with ({})",
                                  segment.count, way.method, surface.source.source));
  }
  for (const CopySurface& surface : hardware.copy_surfaces) {
    const Bytes segment = surface.to_device ? way.load_segment : way.store_segment;
    if (surface.method != way.method || segment.count == 0) continue;
    const Bytes chunk = b.config.kv_bytes_per_token_per_gpu * b.config.offload.chunk_tokens;
    const std::int64_t segments = std::max<std::int64_t>(1, chunk.count / segment.count);
    if (2 * segments >= surface.least_count()) continue;
    b.notes.push_back(
        fmt::format("EXTRAPOLATED: copies by {} {} the device were measured from {} segments on, and a chunk of {} tokens "
                    "has {}: fewer take the rate of the least ({})",
                    way.method, surface.to_device ? "to" : "from", surface.least_count(), b.config.offload.chunk_tokens,
                    segments, surface.source.source));
  }
}

}  // namespace

Built build_kind(const Scenario& s, const std::string& offload, const Hardware& hardware, const Architecture& model,
                 bool of_several) {
  Built b;
  place(b, s, hardware);
  const Dtype weights = dtype_from_name(s.text("weights")), kv = dtype_from_name(s.text("kv_dtype"));
  SimulationConfig& c = b.config;
  c.engine = engine_config(s, model);
  c.engine.eviction = eviction(s, "engine.eviction");
  c.router = router_config(s);
  c.retention = retention_config(s);
  c.step_by_step = s.boolean("engine.step_by_step");
  c.check = s.boolean("engine.check");
  b.kv_memory_per_gpu =
      kv_memory_per_gpu(model, hardware, b.config.gpus_per_replica, weights, s.number("engine.gpu_memory_utilization"));
  const KvShare& share = b.kv =
      kv_share(model, kv, b.config.gpus_per_replica, b.kv_memory_per_gpu, c.engine.max_num_seqs);
  c.kv_bytes_per_token = share.per_token;
  c.kv_bytes_per_token_per_gpu = share.per_token_per_gpu;
  c.engine.g1_pages = Pages(share.paged.count / (c.engine.page_tokens * share.per_token_per_gpu.count));
  check_parallelism(s, {b.config.gpus_per_replica, s.boolean("expert_parallel")}, model);
  const PricedStep priced = price_step(s, hardware, model, b.notes);
  const std::string method = offload == "none" ? "dma" : copy_method(b, s, hardware);
  c.step_times = step_times(priced.time, hardware, method);
  if (priced.request_s && s.origin("frontend.fixed_s") == "built-in") {
    c.engine.frontend_fixed = time_from_seconds(*priced.request_s);
    b.notes.push_back(fmt::format("front end: {:.1f} ms a request, fitted with the calibration's host work", 1e3 * *priced.request_s));
  }
  add_speculation(c, s);
  if (model.window.layers > 0) {
    const std::string of = fmt::format("{} of {}'s {} layers see a window of {} tokens", model.window.layers, model.name,
                                       model.layers, model.window.tokens);
    b.notes.push_back(share.set_aside.count > 0
                          ? fmt::format("{}: {} a GPU are set aside for the windows of {} sequences, and a cached token "
                                        "takes what the other layers keep",
                                        of, human_bytes(static_cast<double>(share.set_aside.count)), c.engine.max_num_seqs)
                          : fmt::format("{}; with {} sequences that saves nothing, and every layer keeps every token", of,
                                        c.engine.max_num_seqs));
  }
  if (offload != "none") add_dram(b, s, hardware, model);
  std::vector<VertexKind> beyond;
  if (offload.find("ssd") != std::string::npos) beyond.push_back(VertexKind::ssd);
  if (offload.find("remote") != std::string::npos) beyond.push_back(VertexKind::remote);
  c.offload.prefetch = !beyond.empty() && s.boolean("offload.prefetch");
  CopyWay way = copy_way(s, c.offload, method);
  way.pooled_memory = offload != "none" && (b.nodes > 1 || of_several) && c.offload.scope == Scope::fleet;
  way.pooled_ssd = (b.nodes > 1 || of_several) && s.text("offload.ssd_scope") == "fleet";
  c.links = compile_links(hardware, b.config.gpus_per_replica, replicas_on_full_node(c), beyond, way);
  tell_of_copies(b, way, hardware);
  if (offload != "none") add_control_waits(b, hardware, method);
  for (const VertexKind kind : beyond) add_storage(b, s, hardware, kind);
  return b;
}

std::int64_t replicas_of_full_node(const Scenario& s, const Hardware& hardware) {
  if (s.has("replicas_per_node")) return s.integer("replicas_per_node");
  return std::max<std::int64_t>(1, hardware.gpus_per_node / s.integer("tp"));
}

Built build_config(const Scenario& s, const std::string& offload, const Hardware& hardware, const Architecture& model) {
  Built b = build_kind(s, offload, hardware, model, s.has("fleet.also"));
  add_other_kinds(b, s, offload, hardware, model);
  add_fleet_changes(b.config, s);
  add_decode_pool(b, s, hardware, model);
  return b;
}

void check_load(const Scenario& s, const Built& built, const Workload& workload) {
  const SimulationConfig& c = built.config;
  if (workload.block_tokens % c.engine.page_tokens != 0) {
    throw InputError(s.finding("engine.page_tokens",
                               fmt::format("engine.page_tokens {} does not divide the {}-token blocks of {}",
                                           c.engine.page_tokens, workload.block_tokens, workload.name),
                               fmt::format("at most {}", std::gcd(workload.block_tokens, 1 << 20))));
  }
  for (const OtherKind& kind : built.others) check_load(s, kind.built, workload);
  const Bytes block = c.kv_bytes_per_token * workload.block_tokens;
  if (c.offload.enabled && c.offload.capacity < block) {
    throw InputError(s.finding("offload.dram_bytes",
                               fmt::format("a DRAM tier of {} bytes holds no block: {} tokens take {} bytes",
                                           c.offload.capacity.count, workload.block_tokens, block.count),
                               "raise offload.dram_bytes, or choose offload.mode none"));
  }
  for (const LowerTierConfig& tier : c.offload.beyond) {
    if (tier.capacity >= block) continue;
    const char* option = tier.kind == Storage::ssd ? "offload.ssd_bytes" : "offload.remote_bytes";
    throw InputError(s.finding(option,
                               fmt::format("a tier of {} bytes holds no block: {} tokens take {} bytes",
                                           tier.capacity.count, workload.block_tokens, block.count),
                               fmt::format("raise {}, or leave it out of offload.mode", option)));
  }
}

}  // namespace kvplan

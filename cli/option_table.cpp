#include "cli/options.hpp"
#include "cli/presets.hpp"
#include "sim/eviction/eviction.hpp"
#include "sim/routing/router.hpp"

namespace kvplan {
namespace {

constexpr double kTwo53 = 9007199254740992.0;  // integers are exact in JSON up to here
constexpr double kInt32 = 2147483647.0;

using Names = std::vector<std::string>;
using Options = std::vector<Option>;

Option text(const char* path, const char* fallback, const char* flag, const char* help) {
  return {path, OptionType::text, "", fallback, "", 0, 0, {}, help, flag};
}

Option choice(const char* path, Names choices, const char* fallback, const char* flag, const char* help) {
  return {path, OptionType::text, "", fallback, "", 0, 0, std::move(choices), help, flag};
}

Option several(const char* path, Names choices, const char* fallback, const char* flag, const char* help) {
  return {path, OptionType::texts, "", Names{fallback}, "", 0, 0, std::move(choices), help, flag};
}

Option integer(const char* path, const char* unit, double low, double high, std::int64_t fallback, const char* flag,
               const char* help) {
  return {path, OptionType::integer, unit, fallback, "", low, high, {}, help, flag};
}

Option number(const char* path, const char* unit, double low, double high, double fallback, const char* help) {
  return {path, OptionType::number, unit, fallback, "", low, high, {}, help, ""};
}

Option boolean(const char* path, const char* help, bool fallback = false) {
  return {path, OptionType::boolean, "", fallback, "", 0, 0, {}, help, ""};
}

// Without a value of its own, for the reason that `text` gives.
Option unless_set(Option option, const char* text) {
  option.fallback = nullptr;
  option.fallback_text = text;
  return option;
}

Option with_flag(Option option, const char* flag) {
  option.flag = flag;
  return option;
}

Options load_options() {
  return {
      unless_set(text("trace.path", "", "trace",
                      "Trace to replay, of any format in docs/formats.md, plain, .gz or .zst; or a folder."),
                 "the sample that ships with kvplan"),
      integer("trace.block_tokens", "tokens", 1, 65536, 512, "",
              "Tokens that one block hash of the trace covers, where its format does not tell."),
      choice("trace.closed_loop", {"recorded", "open", "inferred"}, "recorded", "closed-loop",
             "When follow-ups arrive. Recorded: a think time after the turn before has ended where the trace has think "
             "times, else at their recorded times. Open: at their recorded times. Inferred: as recorded; without a "
             "think time, at the recorded time, or when the parent's answer has ended if that is later."),
      unless_set(integer("trace.context_cap_tokens", "tokens", 1, kInt32, 1, "context-cap",
                         "A session ends before the turn whose prompt and answer together exceed this; the share that "
                         "is left out is printed."),
                 "sessions end as recorded"),
      with_flag(
          number("trace.rate_scale", "", 1e-6, 1e6, 1,
                 "Factor on the rate of absolute arrivals: 2 replays twice as fast. Think times stay as they are."),
          "rate-scale"),
      unless_set(
          integer("trace.limit", "turns", 1, kTwo53, 1, "limit", "Replay only the first turns, in order of arrival."),
          "all turns"),
      unless_set(number("trace.tick_s", "s", 0, 86400, 0,
                        "Width of the ticks that arrivals are spread inside; 0 leaves them as recorded."),
                 "detected from the timestamps"),
      number("trace.window_start_s", "s", 0, kMostSeconds, 0,
             "Leave out turns that arrive before this instant, which becomes zero."),
      unless_set(number("trace.window_end_s", "s", 0, kMostSeconds, 0, "Leave out turns that arrive at or after this instant."),
                 "the end of the trace"),
      integer("seed", "", 0, kTwo53, 1, "seed",
              "Seed of every random draw: arrivals inside ticks, sampling, imposed arrivals, the sessions of users."),
  };
}

// Applied in the order of traces/transform.hpp.
Options transform_options() {
  return {
      number("trace.session_share", "", 1e-6, 1, 1,
             "Replay only this share of the sessions, sampled by hash and seed."),
      integer("trace.copies", "", 1, 1e6, 1, "",
              "Copies of every session, with blocks of their own beyond what several sessions share; all arrive with "
              "the original unless arrivals are imposed or users run them."),
      integer(
          "trace.shared_prefix_tokens", "tokens", 0, 1e7, 0, "",
          "Leading tokens of every prompt (system prompt, tools) that all sessions are taken to share; whole blocks "
          "count."),
      unless_set(integer("trace.to_block_tokens", "tokens", 1, 65536, 512, "",
                         "Convert the load to blocks of this size. What prompts share stays known to the smaller of "
                         "the two sizes; notes tell what is lost."),
                 "the block size of the trace"),
      choice("trace.arrivals", {"recorded", "poisson", "gamma", "weibull"}, "recorded", "",
             "Impose arrivals in place of the recorded ones: gaps of this kind."),
      choice("trace.arrivals_of", {"sessions", "requests"}, "sessions", "",
             "What arrives: sessions, whose later turns keep their distance, or requests; think times stay."),
      number("trace.arrivals_per_s", "1/s", 1e-6, 1e6, 1, "Rate of imposed arrivals, before the profile."),
      number("trace.arrivals_cv", "", 0.05, 20, 1,
             "Coefficient of variation of gamma and Weibull gaps: 1 is Poisson, more is burstier."),
      choice("trace.profile", {"constant", "diurnal", "step"}, "constant", "", "Rate of imposed arrivals over time."),
      number("trace.profile_period_s", "s", 1, 1e7, 86400, "Diurnal profile: period of its sine."),
      number("trace.profile_amplitude", "", 0, 1, 0.5, "Diurnal profile: the rate swings by this share of its mean."),
      number("trace.profile_step_at_s", "s", 0, kMostSeconds, 0, "Step profile: when the rate changes."),
      number("trace.profile_step_factor", "", 1e-3, 1e3, 2, "Step profile: by which factor."),
      unless_set(integer("trace.users", "", 1, 1e6, 1, "users",
                         "Closed loop of this many users, each running sessions of the trace back to back, in an order "
                         "drawn by seed."),
                 "sessions arrive as the trace or trace.arrivals says"),
      number("trace.users_start_s", "s", 0, kMostSeconds, 300,
             "With users: their first sessions start spread over this time, so that they do not all begin at once."),
      unless_set(number("trace.duration_s", "s", 1e-3, kMostSeconds, 1,
                        "Leave out turns that start later, if turns take the service time of the recording; users "
                        "start sessions until then."),
                 "the whole trace; users run each session once"),
  };
}

Options fleet_options() {
  return {
      text("model", "llama-3.1-8b", "model", "Model by name (`kvplan model list`), or the path of a model file."),
      several("hardware", {}, "x86-h100-sxm", "hardware",
              "Hardware by name (`kvplan hw list`), or paths of hardware files; several are compared."),
      integer("tp", "GPUs", 1, 64, 1, "tp", "Tensor parallelism: GPUs of one replica."),
      integer("replicas", "", 1, 100000, 1, "replicas",
              "Model instances behind the router; a node holds as many as its GPUs allow."),
      unless_set(integer("replicas_per_node", "", 1, 64, 1, "",
                         "Replicas of one node, where they are to be spread wider than its GPUs force: fewer are lost "
                         "with a node."),
                 "as many as the GPUs of a node allow"),
      choice("weights", {"fp32", "bf16", "fp16", "fp8", "fp4", "int4"}, "bf16", "weights",
             "Type of the weights; fp4 and int4 with the scales of their blocks."),
      boolean("expert_parallel",
              "Each GPU of a replica holds whole experts, rather than a slice of every expert; the busiest GPU counts."),
      unless_set(text("step_time.calibration", "", "calibration",
                      "Step times: a calibration by name or path (docs/calibration.md), or roofline for data-sheet "
                      "peaks times kernel efficiencies."),
                 "the calibration that the hardware file names, where it covers model and dtypes; else roofline"),
      choice("step_time.end", {"central", "low", "high"}, "central", "",
             "Which end of the calibration's 90 % interval steps are computed with; `run --intervals` runs all."),
      choice("kv_dtype", {"fp32", "bf16", "fp16", "fp8"}, "bf16", "kv-dtype", "Type of the KV cache."),
  };
}

Options disaggregation_options() {
  return {
      integer("disaggregation.decode_replicas", "", 0, 100000, 0, "decode-replicas",
              "Replicas that only decode, beside those of replicas, which then only compute prompts; 0: every replica does "
              "both."),
      unless_set(integer("disaggregation.decode_tp", "GPUs", 1, 64, 1, "decode-tp", "Tensor parallelism of decode replicas."),
                 "tp"),
      choice("disaggregation.handover", {"whole", "layerwise"}, "whole", "",
             "Whole: a prompt's KV moves to its decode replica when it is computed. Layerwise: all layers but the last move "
             "beside the prompt's last step."),
      number("disaggregation.network_bytes_per_s", "B/s", 1e6, 1e13, 50e9,
             "Of a GPU's share of the network between nodes, one way (aiconfigurator's for H100 and H200 nodes); within a "
             "node prompts cross the GPUs' peer links, at the hardware file's peer_bytes_per_s."),
      number("disaggregation.latency_s", "s", 0, 1, 1e-5,
             "Until the first byte of a hand-over moves (aiconfigurator's for one GPU to another)."),
  };
}

Names names_of_evictions(bool in_hbm);

Options engine_options() {
  return {
      choice("engine.eviction", names_of_evictions(true), "lru", "",
             "What HBM evicts first of what no request uses (docs/tiers.md). ARC, S3-FIFO and SIEVE are for the tiers "
             "below."),
      integer("engine.max_num_seqs", "sequences", 1, 65536, 256, "", "Sequences that one replica runs at once."),
      integer("engine.max_num_batched_tokens", "tokens", 1, 1048576, 8192, "",
              "Token budget of one step; longer prompts are computed in chunks."),
      choice("engine.order", {"mixed", "prefill-first"}, "mixed", "",
             "Mixed: a step takes all decodes, and prefills in what is left of the budget (vLLM). Prefill-first: while "
             "there is a prompt to compute, decodes wait (SGLang)."),
      boolean("engine.whole_prompts",
              "A prompt is computed in one step, not in chunks, unless it exceeds the whole budget (TensorRT-LLM's "
              "default)."),
      boolean("engine.overlap",
              "The host prepares a step while the one before it runs (vLLM's async scheduling, SGLang's overlap "
              "schedule): a step takes as long as the longer of the two."),
      integer("engine.draft_tokens", "tokens", 0, 64, 0, "",
              "Speculative decoding: tokens that a draft proposes for each sequence and step; 0: off."),
      number("engine.draft_acceptance", "", 0, 1, 0.7,
             "Probability that a proposed token is accepted, given that those before it were."),
      number("engine.draft_cost", "", 0, 1, 0.05,
             "What a pass of the draft takes, as a share of a pass of the model over the same decodes."),
      integer("engine.page_tokens", "tokens", 1, 4096, 16, "",
              "Unit of KV allocation in HBM: a power of two that divides the trace's blocks."),
      number("engine.gpu_memory_utilization", "", 0.05, 1, 0.9,
             "Share of HBM that weights, activations and KV may take together (vLLM's default)."),
      unless_set(integer("engine.max_context_tokens", "tokens", 1, kInt32, 1, "",
                         "Requests whose prompt and output exceed this are refused and counted."),
                 "the model's window"),
      boolean("engine.step_by_step", "One event for every step; slow, and the results are the same bytes."),
      boolean("engine.check",
              "Audit every invariant at every event; stops with an internal error when one does not hold."),
  };
}

Option storage_bytes(const char* path, const char* help, const char* otherwise) {
  return {path, OptionType::bytes, "bytes", nullptr, otherwise, 1, 1e18, {}, help, ""};
}

Option priority(const char* path, std::int64_t fallback, const char* help) {
  return integer(path, "", 0, 100, fallback, "", help);
}

Names names_of_evictions(bool in_hbm) {
  Names names;
  for (const EvictionEntry& e : eviction_table()) {
    if (!in_hbm || e.in_hbm) names.push_back(e.name);
  }
  return names;
}

Options offload_options() {
  const Option dram_bytes = {"offload.dram_bytes",
                             OptionType::bytes,
                             "bytes",
                             nullptr,
                             "the share of a node's host memory that belongs to the GPUs used",
                             1,
                             1e17,
                             {},
                             "Host memory of one node for KV, whatever dram_scope says. More than the hardware "
                             "holds is allowed and labelled hypothetical.",
                             ""};
  return {
      unless_set(choice("offload.preset", preset_names(), "", "",
                        "Options below HBM as a system has them (docs/tiers.md); whatever else is set wins."),
                 "none"),
      several("offload.mode", {"none", "dram", "dram+ssd", "dram+remote", "dram+ssd+remote"}, "dram", "offload",
              "Tiers below HBM: none recomputes what HBM has lost; several modes are compared."),
      dram_bytes,
      storage_bytes("offload.ssd_bytes", "SSD of one node for KV, whatever ssd_scope says.",
                    "the share of the node's drives that belongs to the GPUs used"),
      storage_bytes("offload.remote_bytes", "The remote store of the whole fleet for KV.",
                    "what the hardware file says"),
      choice("offload.ssd_scope", {"replica", "node", "fleet"}, "node", "",
             "Whose an SSD tier is: a replica's own part of its node's drives, its node's, or one pool of all nodes' "
             "drives, which several nodes reach over their storage network."),
      choice(
          "offload.remote_scope", {"replica", "node", "fleet"}, "fleet", "",
          "Whose a remote tier is: the whole fleet's, or an equal part of it for each node or replica. No tier may be "
          "narrower than the one above it."),
      boolean("offload.prefetch",
              "What SSD or the remote store hold of a prompt that has to queue is read into DRAM meanwhile."),
      integer("offload.prefetch_tokens", "tokens", 1, 1048576, 256, "",
              "Prefetch no less than so many tokens of a prompt (256 is HiCache's)."),
      boolean("offload.promote", "What is loaded from SSD or the remote store stays in DRAM as well.", true),
      choice("offload.dram_scope", {"replica", "node", "fleet"}, "node", "",
             "Whose a DRAM cache is: a replica's own part of its node's, its node's, or one pool of all nodes' memory, "
             "which several nodes reach over their storage network."),
      choice(
          "offload.store", {"through", "back", "selective"}, "through", "",
          "When KV goes to DRAM: at the end of prefill and of the turn, on eviction from HBM, or after selective_hits "
          "lookups."),
      integer("offload.selective_hits", "lookups", 1, 1000, 2, "",
              "Lookups after which the selective policy stores a block."),
      choice("offload.load", {"blocking", "layerwise", "in-step"}, "blocking", "",
             "Blocking: a request waits outside the batch for its load. Layerwise: layer l computes while l + 1 loads. "
             "In-step: the request's first step waits for all of it, and the whole batch with it (TensorRT-LLM)."),
      integer("offload.chunk_tokens", "tokens", 1, 1048576, 256, "",
              "Unit of offload: only whole chunks of a prompt or answer are stored."),
      choice(
          "offload.load_choice", {"load", "recompute", "cheaper", "partial"}, "load", "",
          "Load: whatever a tier below holds is loaded. Recompute: nothing is. Cheaper: whichever is estimated to end "
          "first, given the queue on the link. Partial: the leading part is computed while the rest loads, so that "
          "both end together."),
      boolean("offload.defer_stores", "A store starts one step after its blocks are complete (vLLM)."),
      choice("offload.ssd_store", {"through", "back", "selective"}, "through", "",
             "When KV goes from DRAM to SSD: when it has come there, when DRAM is about to evict it, or after "
             "selective_hits lookups."),
      choice("offload.remote_store", {"through", "back", "selective"}, "through", "",
             "The same for the remote store; back only where it is next to DRAM."),
      choice("offload.eviction", names_of_evictions(false), "lru", "",
             "What DRAM evicts first (docs/tiers.md); belady knows the order of the trace and is a bound where that is "
             "the order of service."),
      choice("offload.ssd_eviction", names_of_evictions(false), "lru", "", "The same for SSD."),
      choice("offload.remote_eviction", names_of_evictions(false), "lru", "", "The same for the remote store."),
      priority("retention.prefix_priority", 80, "Priority policy: of blocks that several sessions share."),
      priority("retention.prompt_priority", 50,
               "Priority policy: of a prompt's other blocks; at most prefix_priority."),
      priority("retention.answer_priority", 35, "Priority policy: of an answer's blocks; at most prompt_priority."),
      priority("retention.default_priority", 35,
               "Priority policy: what a higher priority falls to after duration_s (35 is TensorRT-LLM's)."),
      priority(
          "retention.store_from_priority", 30,
          "Priority policy in HBM, offload.store back: what is lower is dropped, not stored (30 is TensorRT-LLM's)."),
      unless_set(number("retention.duration_s", "s", 1e-3, kMostSeconds, 1,
                        "Priority policy: how long after its last use a block keeps its priority."),
                 "for ever"),
      choice("offload.layout", {"block-first", "layer-first"}, "block-first", "",
             "Contiguous bytes of a copy: a page of all layers (vLLM since 0.12), or of one layer's K or V. Layer-wise "
             "loads "
             "cut a page of all layers into one piece a layer."),
      choice("offload.copy_method", {"dma", "batch", "kernel", "staged"}, "dma", "",
             "How segments cross the host link: a DMA copy each; one batched submission or an SM kernel, as measured "
             "(hardware file's copy_surfaces); gathered on the GPU and then one copy."),
      choice("offload.placement", {"near", "far"}, "near", "",
             "The host memory that KV lies in: the GPU's own, or the one that is farthest from it (NUMA)."),
      choice("offload.storage_path", {"shortest", "through-dram"}, "shortest", "",
             "SSD and remote store to GPU: past host memory where the hardware's graph leads past it (GPUDirect), or "
             "bounced through it."),
  };
}

Names names_of_routers() {
  Names names;
  for (const RouterEntry& e : router_table()) names.push_back(e.name);
  return names;
}

Options router_options() {
  const auto weight = [](const char* path, const char* help) { return number(path, "", 0, 1e6, 1, help); };
  return {
      choice("router.policy", names_of_routers(), "round-robin", "router", "How requests find a replica (docs/fleet.md)."),
      choice("router.view", {"exact", "snapshot", "routed"}, "exact", "",
             "Prefix-aware policy: what the router knows of the prefixes that replicas hold. Snapshot: what it was when it "
             "last looked. Routed: where it sent prompts, and nothing of evictions."),
      number("router.view_interval_s", "s", 1e-3, kMostSeconds, 1, "View snapshot: the router looks this often."),
      unless_set(number("router.view_ttl_s", "s", 1e-3, kMostSeconds, 120,
                        "View routed: how long the router remembers a prompt (120 is the default of NVIDIA Dynamo's router "
                        "without KV events; SGLang's remembers until its tree is full)."),
                 "for ever"),
      number("router.cache_threshold", "", 0, 1, 0.3,
             "Prefix-aware policy: share of a prompt that a replica must hold to be chosen for it (0.3 is SGLang's)."),
      integer("router.balance_requests", "requests", 0, kInt32, 64, "",
              "Prefix-aware policy: by how many requests two replicas may differ before only load counts (64 is SGLang's)."),
      number("router.balance_factor", "", 1, 1e6, 1.5,
             "Prefix-aware policy: and by which factor, beyond which only load counts (1.5 is SGLang's)."),
      weight("router.queue_weight", "Weighted policy: weight of the score for a short queue."),
      weight("router.kv_use_weight", "Weighted policy: weight of the score for free KV memory."),
      weight("router.g1_prefix_weight", "Weighted policy: weight of the share of the prompt that HBM holds."),
      weight("router.g2_prefix_weight", "Weighted policy: weight of the share of the prompt that HBM and the tiers below hold."),
      weight("router.recency_weight",
             "Weighted policy: for a prompt that no replica holds any of, weight of having had such a prompt longest "
             "ago."),
  };
}

Options fleet_change_options() {
  return {
      unless_set(text("fleet.also", "", "also",
                      "Replicas of other kinds beside those of hardware, replicas and tp, on nodes of their own: REPLICAS "
                      "HARDWARE [PATH=VALUE], several between commas. \"2 gh200-96, 4 x86-h100-pcie tp=2\". What a kind may "
                      "have of its own: docs/fleet.md."),
                 "all replicas are alike"),
      unless_set(text("fleet.failures", "", "",
                      "Nodes that fail: NODE@AT+DOWN, several between commas. \"1@600+300\": node 1 loses all that its "
                      "memories hold 600 s after the start and is back, empty, 300 s later; without +DOWN it stays away. "
                      "Its requests are routed again."),
                 "none"),
      unless_set(text("fleet.drains", "", "",
                      "Nodes that are drained, written alike: they take no more requests, end those that they have, go, "
                      "and are back DOWN after that."),
                 "none"),
      unless_set(integer("scaling.min_replicas", "", 1, 100000, 1, "",
                         "The number of replicas follows the load, from this many, which run at first, up to `replicas`."),
                 "all replicas run throughout"),
      integer("scaling.target_requests", "requests", 1, 1e6, 32, "",
              "Scaling: requests, queued or running, that a replica is to have."),
      number("scaling.interval_s", "s", 1e-3, kMostSeconds, 15, "Scaling: how often it is decided (15 is Kubernetes')."),
      number("scaling.delay_s", "s", 0, kMostSeconds, 120,
             "Scaling: from the decision until a replica takes requests: machine, image, weights, warm-up. It is paid for."),
      number("scaling.cooldown_s", "s", 0, kMostSeconds, 300,
             "Scaling: for how long fewer replicas must have been enough before they drain (300 is Kubernetes')."),
  };
}

Options user_options() {
  return {
      number("frontend.fixed_s", "s", 0, 60, 0.003,
             "Front-end cost of every request, hit or miss: the lowest published floor of TTFT, 10 ms, less the engine "
             "step of 7 ms that it contains (other floors reach 46 ms)."),
      number("frontend.per_token_s", "s/token", 0, 0.1, 5e-7,
             "Front-end cost of each prompt token: 0.5 us with token ids in, 3 to 4 us with HTTP text and hashing."),
      unless_set(number("frontend.requests_per_s", "requests/s", 1e-3, 1e9, 0,
                        "Requests that the front end gets through, one after the other, for the whole fleet."),
                 "no limit"),
      unless_set(number("frontend.tokens_per_s", "tokens/s", 1, 1e15, 0,
                        "Prompt tokens that the front end gets through (tokenising, hashing), one request after the other."),
                 "no limit"),
      unless_set(
          number("slo.ttft_s", "s", 1e-9, 1e6, 1,
                 "Target for the time to first token. Goodput counts requests that meet all targets; exit code 5 "
                 "tells a miss."),
          "no target"),
      unless_set(number("slo.tpot_s", "s", 1e-9, 1e6, 1, "Target for the time per output token after the first."),
                 "no target"),
      number("slo.quantile", "", 0.01, 1, 0.95, "Share of the requests that must meet each target."),
  };
}

}  // namespace

const std::vector<Option>& option_table() {
  static const Options table = [] {
    Options all;
    for (const Options& part :
         {load_options(), transform_options(), fleet_options(), disaggregation_options(), engine_options(),
          offload_options(), router_options(), fleet_change_options(), user_options()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return table;
}

}  // namespace kvplan

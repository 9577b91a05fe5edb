#include "cli/options.hpp"

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

Option boolean(const char* path, const char* help) {
  return {path, OptionType::boolean, "", false, "", 0, 0, {}, help, ""};
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
      unless_set(text("trace.path", "", "trace", "Trace to replay: Mooncake JSONL, plain, .gz or .zst."),
                 "the sample that ships with kvplan"),
      integer("trace.block_tokens", "tokens", 1, 65536, 512, "", "Tokens that one block hash of the trace covers."),
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
      number("trace.window_start_s", "s", 0, 9e6, 0,
             "Leave out turns that arrive before this instant, which becomes zero."),
      unless_set(number("trace.window_end_s", "s", 0, 9e6, 0, "Leave out turns that arrive at or after this instant."),
                 "the end of the trace"),
      integer("seed", "", 0, kTwo53, 1, "seed", "Seed of every random draw: the spreading of arrivals inside ticks."),
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
      choice("weights", {"fp32", "bf16", "fp16", "fp8", "int4"}, "bf16", "weights", "Type of the weights."),
      choice("kv_dtype", {"fp32", "bf16", "fp16", "fp8"}, "bf16", "kv-dtype", "Type of the KV cache."),
  };
}

Options engine_options() {
  return {
      integer("engine.max_num_seqs", "sequences", 1, 65536, 256, "", "Sequences that one replica runs at once."),
      integer("engine.max_num_batched_tokens", "tokens", 1, 1048576, 8192, "",
              "Token budget of one step; longer prompts are computed in chunks."),
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

Options offload_options() {
  const Option dram_bytes = {
      "offload.dram_bytes",
      OptionType::bytes,
      "bytes",
      nullptr,
      "the share of a node's host memory that belongs to the GPUs used",
      1,
      1e17,
      {},
      "Host memory of one node for KV; with dram_scope replica, each replica has an equal part. More than the hardware "
      "holds is allowed and labelled hypothetical.",
      ""};
  return {
      several("offload.mode", {"none", "dram"}, "dram", "offload",
              "Tiers below HBM: none recomputes what HBM has lost; several modes are compared."),
      dram_bytes,
      choice("offload.dram_scope", {"replica", "node"}, "node", "",
             "Whether the replicas of a node share one DRAM cache or have one each."),
      choice(
          "offload.store", {"through", "back", "selective"}, "through", "",
          "When KV goes to DRAM: at the end of prefill and of the turn, on eviction from HBM, or after selective_hits "
          "lookups."),
      integer("offload.selective_hits", "lookups", 1, 1000, 2, "",
              "Lookups after which the selective policy stores a block."),
      choice(
          "offload.load", {"blocking", "layerwise"}, "blocking", "",
          "Blocking: a request waits outside the batch for its load. Layerwise: layer l computes while l + 1 loads."),
      integer("offload.chunk_tokens", "tokens", 1, 1048576, 256, "",
              "Unit of offload: only whole chunks of a prompt or answer are stored."),
      choice("offload.layout", {"block-first", "layer-first"}, "block-first", "",
             "Contiguous bytes of a copy: a page of all layers (vLLM since 0.12), or of one layer's K or V."),
  };
}

Options router_options() {
  const auto weight = [](const char* path, const char* help) { return number(path, "", 0, 1e6, 1, help); };
  return {
      choice("router.policy", {"round-robin", "weighted"}, "round-robin", "router", "How requests find a replica."),
      weight("router.queue_weight", "Weighted policy: weight of the score for a short queue."),
      weight("router.kv_use_weight", "Weighted policy: weight of the score for free KV memory."),
      weight("router.g1_prefix_weight", "Weighted policy: weight of the share of the prompt that HBM holds."),
      weight("router.g2_prefix_weight", "Weighted policy: weight of the share of the prompt that HBM and DRAM hold."),
      weight("router.recency_weight",
             "Weighted policy: for a prompt that no replica holds any of, weight of having had such a prompt longest "
             "ago."),
  };
}

Options user_options() {
  return {
      number("frontend.fixed_s", "s", 0, 60, 0.003,
             "Front-end cost of every request, hit or miss: the lowest published floor of TTFT, 10 ms, less the engine "
             "step of 7 ms that it contains (other floors reach 46 ms)."),
      number("frontend.per_token_s", "s/token", 0, 0.1, 5e-7,
             "Front-end cost of each prompt token: 0.5 us with token ids in, 3 to 4 us with HTTP text and hashing."),
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
         {load_options(), fleet_options(), engine_options(), offload_options(), router_options(), user_options()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return table;
}

}  // namespace kvplan

#include "cli/deployment_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "cli/arguments.hpp"
#include "hardware/topology.hpp"
#include "models/memory.hpp"
#include "models/roofline.hpp"
#include "reports/cells.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

constexpr std::int64_t kObjectTokens = 512;  // a block of the load is an object in storage; Mooncake's size

// The rate of one GPU's stream while the first `flows` of these loads run at once; all of them are alike.
std::int64_t load_rate(const NodeLinks& links, const std::vector<Route>& loads, std::size_t flows) {
  std::vector<std::int64_t> weight(links.limits.size(), 0);
  for (std::size_t f = 0; f < flows; ++f) {
    for (const LimitUse& u : loads[f].uses) weight[u.limit] += u.weight;
  }
  std::int64_t rate = std::numeric_limits<std::int64_t>::max();
  for (const LimitUse& u : loads[0].uses) rate = std::min(rate, links.limits[u.limit].bytes_per_s / weight[u.limit]);
  return rate;
}

// A tier below HBM as loads see it: its routes, and the pieces that a copy of one GPU's stream is cut into.
struct LoadedTier {
  const char* name;
  const char* layout;  // of storage: a block is an object
  const NodeLinks& links;
  const std::vector<Route>& loads;
  Bytes segment;
};

struct BreakEvenTable {
  const StepTime& step;
  const Deployment& deployment;
  std::int64_t per_token;  // bytes on one GPU
  std::int64_t longest;    // prefix
  Json rows = Json::array();

  void add(const LoadedTier& tier, std::size_t flows) {
    const std::int64_t rate = load_rate(tier.links, tier.loads, flows);
    const LoadTime load = [&](Tokens tokens) {
      const Bytes bytes(tokens.count * per_token);
      return setup_time(tier.loads[0], bytes, ceil_div(bytes.count, tier.segment.count)) +
             time_from_seconds(static_cast<double>(bytes.count) / static_cast<double>(rate));
    };
    const BreakEven b = break_even(step, load, deployment.prompt, Tokens(longest));
    const char* kinds[] = {"always", "above", "never"};
    Json row = {{"tier", tier.name},
                {"layout", tier.layout},
                {"segment_bytes", tier.segment.count},
                {"replicas_loading", flows},
                {"bytes_per_s_per_gpu", rate},
                {"load_s_of_8192_tokens", seconds(load(Tokens(8192)))},
                {"load_pays", kinds[static_cast<int>(b.kind)]},
                {"above_prefix_tokens", nullptr},
                {"curve", Json::array()}};
    if (b.kind == BreakEven::Kind::above) row["above_prefix_tokens"] = b.tokens.count;
    for (std::int64_t n = 512; n <= longest; n *= 4) {
      row["curve"].push_back({{"prefix_tokens", n},
                              {"load_s", seconds(load(Tokens(n)))},
                              {"recompute_s", seconds(recompute_time(step, Tokens(n), deployment.prompt))}});
    }
    rows.push_back(std::move(row));
  }
};

// One row a tier, layout and load of the node.
Json break_evens(const Hardware& h, const Architecture& model, const StepTime& step, const NodeLinks& links,
                 const Deployment& d, const KvShare& kv) {
  const std::int64_t per_token = kv.per_token_per_gpu.count, page = per_token * d.page_tokens;
  BreakEvenTable table{step, d, per_token, std::max<std::int64_t>(1, model.max_context_tokens - d.prompt.new_tokens.count)};
  const auto add_all = [&](const LoadedTier& tier) {
    table.add(tier, 1);
    if (tier.loads.size() > 1) table.add(tier, tier.loads.size());
  };
  add_all({"dram", "block-first", links, links.load, Bytes(page)});
  add_all({"dram", "layer-first", links, links.load, page_of_layer(model, kv, d.page_tokens)});
  for (const VertexKind kind : {VertexKind::ssd, VertexKind::remote}) {
    if (h.storage(kind) == nullptr) continue;
    const NodeLinks all = compile_links(h, d.tp, h.gpus_per_node / d.tp, {kind});
    add_all({kind == VertexKind::ssd ? "ssd" : "remote", "objects", all, all.beyond[0].load, Bytes(kObjectTokens * per_token)});
  }
  return table.rows;
}

Json limits_json(const NodeLinks& links) {
  Json limits = Json::array();
  for (const Limit& l : links.limits) limits.push_back({{"name", l.name}, {"bytes_per_s", l.bytes_per_s}});
  return limits;
}

Json routes_json(const NodeLinks& links) {
  Json routes = Json::array();
  const auto uses = [&](const Route& route) {
    Json list = Json::array();
    for (const LimitUse& u : route.uses) list.push_back({{"limit", links.limits[u.limit].name}, {"streams", u.weight}});
    return list;
  };
  for (std::size_t r = 0; r < links.load.size(); ++r) {
    routes.push_back({{"replica", r}, {"load", uses(links.load[r])}, {"store", uses(links.store[r])}});
  }
  return routes;
}

// With as many sequences as an engine runs unless told otherwise, whose windows are set aside.
KvShare add_memory(Json& facts, const Hardware& h, const Architecture& model, const Deployment& d) {
  Bytes left{0};
  try {
    left = kv_memory_per_gpu(model, h, d.tp, d.weights, d.gpu_memory_utilization);
  } catch (const InfeasibleError& e) {
    facts["does_not_fit"] = e.what();
  }
  const KvShare kv = kv_share(model, d.kv, d.tp, left, EngineConfig{}.max_num_seqs);
  const bool fits = left.count > 0;
  facts["kv_memory_bytes_per_gpu"] = fits ? Json(left.count) : Json(nullptr);
  facts["kv_windows_bytes_per_gpu"] = kv.set_aside.count;
  facts["kv_memory_tokens_per_replica"] =
      fits ? Json(kv.paged.count / (kv.per_token_per_gpu.count * d.page_tokens) * d.page_tokens) : Json(nullptr);
  facts["kv_bytes_per_token"] = kv.layers == model.layers ? model.kv_bytes_per_token(d.kv).count : kv.per_token.count;
  facts["kv_bytes_per_token_per_gpu"] = kv.per_token_per_gpu.count;
  return kv;
}

}  // namespace

void add_deployment_options(po::options_description& options) {
  const auto integer = [](const char* unit, std::int64_t fallback) {
    return po::value<std::int64_t>()->value_name(unit)->default_value(fallback);
  };
  const auto text = [](const char* fallback) {
    return po::value<std::string>()->value_name("DTYPE")->default_value(fallback);
  };
  options.add_options()("tp", integer("GPUS", 1), "GPUs of one replica")(
      "weights", text("bf16"), "fp32, bf16, fp16, fp8, fp4 or int4")("kv-dtype", text("bf16"), "the same, of the KV cache")(
      "gpu-memory-utilization", po::value<double>()->value_name("F")->default_value(kGpuMemoryUtilization, "0.9"),
      "share of HBM that the engine takes")("page-tokens", integer("TOKENS", 16), "tokens of a KV page")(
      "new-tokens", integer("TOKENS", 128), "of a prompt beyond its cached prefix")(
      "max-num-batched-tokens", integer("TOKENS", 8192), "chunk of a prefill");
}

Deployment deployment_of(const po::variables_map& values) {
  Deployment d;
  d.tp = static_cast<std::int32_t>(integer_of(values, "tp", 1, 1024));
  d.weights = dtype_from_name(values["weights"].as<std::string>());
  d.kv = dtype_from_name(values["kv-dtype"].as<std::string>());
  d.gpu_memory_utilization = values["gpu-memory-utilization"].as<double>();
  if (!(d.gpu_memory_utilization >= 0.05 && d.gpu_memory_utilization <= 1)) {
    throw UsageError(fmt::format("--gpu-memory-utilization is {}, expected 0.05 to 1", d.gpu_memory_utilization));
  }
  d.page_tokens = static_cast<std::int32_t>(integer_of(values, "page-tokens", 1, 4096));
  d.prompt.new_tokens = Tokens(integer_of(values, "new-tokens", 1, 1 << 20));
  d.prompt.max_batched_tokens = Tokens(integer_of(values, "max-num-batched-tokens", 1, 1 << 20));
  return d;
}

Json deployment_facts(const Hardware& h, const Architecture& model, const Deployment& d) {
  if (d.tp > h.gpus_per_node) {
    throw InfeasibleError(fmt::format("error: TP{} needs {} GPUs, a node of {} has {}\n  help: lower --tp", d.tp, d.tp,
                                      h.name, h.gpus_per_node));
  }
  const StepTime step = roofline_step_time(model, h.gpu, d.tp, d.weights, d.kv);
  const NodeLinks links = compile_links(h, d.tp, h.gpus_per_node / d.tp);
  Json facts = {{"model", model.name},
                {"hardware", h.name},
                {"tp", d.tp},
                {"weights_dtype", name_of(d.weights)},
                {"kv_dtype", name_of(d.kv)},
                {"replicas_per_node", links.load.size()},
                {"weight_bytes", model.weight_bytes(d.weights).count},
                {"weight_bytes_per_gpu", model.weight_bytes_per_gpu(d.weights, d.tp).count}};
  const KvShare kv = add_memory(facts, h, model, d);
  facts["host_memory_bytes_per_node"] = std::llround(h.host_memory_bytes());
  facts["host_memory_tokens_per_node"] = static_cast<std::int64_t>(h.host_memory_bytes()) / kv.per_token.count;
  facts["prefill_s_of_8192_tokens"] = seconds(prefill_time(step, Tokens(8192), Tokens(0), d.prompt.max_batched_tokens));
  facts["decode_step_s_of_1_sequence_at_8192_tokens"] = seconds(Time(step({1, 1, 8192, 0})));
  facts["decode_step_s_of_32_sequences_at_8192_tokens"] = seconds(Time(step({32, 32, 32 * 8192, 0})));
  facts["step_time"] = step.provenance;
  facts["break_even_new_tokens"] = d.prompt.new_tokens.count;
  facts["break_even"] = break_evens(h, model, step, links, d, kv);
  facts["limits"] = limits_json(links);
  facts["routes"] = routes_json(links);
  return facts;
}

bool wants_json(const po::variables_map& values) {
  const std::string format = values["format"].as<std::string>();
  if (format == "json") return true;
  if (format == "table") return false;
  throw UsageError(fmt::format("no format \"{}\"", format), suggestion(format, {"table", "json"}));
}

}  // namespace kvplan

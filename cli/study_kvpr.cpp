#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/study.hpp"
#include "hardware/topology.hpp"
#include "reports/cells.hpp"
#include "studies/kvpr.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

void add_options(po::options_description& options) {
  options.add_options()("batch", integer(64), "sequences of a batch")(
      "batches", integer(8), "column by column: batches that share a layer's weights")(
      "prompt-tokens", integer(1024), "of each sequence")("output-tokens", integer(32), "decode steps")(
      "link", po::value<std::string>()->value_name("L")->default_value("shared"),
      "shared: activations and KV cross one link; parallel: side by side, as in the paper's equations")(
      "link-bytes-per-s", po::value<double>()->value_name("X"), "to the GPU; default: the hardware's host link")(
      "recompute-flops", po::value<double>()->value_name("X"), "per second; default: bf16 peak x GEMM efficiency");
}

kvpr::Setting setting(const Hardware& h, const po::variables_map& values) {
  kvpr::Setting s;
  s.batch = static_cast<std::int32_t>(integer_of(values, "batch", 1, 1 << 20));
  s.batches = static_cast<std::int32_t>(integer_of(values, "batches", 1, 1 << 16));
  const std::string link = values["link"].as<std::string>();
  if (link != "shared" && link != "parallel")
    throw UsageError("no link model \"" + link + "\"", suggestion(link, {"shared", "parallel"}));
  s.link = link == "shared" ? kvpr::LinkModel::shared : kvpr::LinkModel::parallel;
  for (const Vertex& v : h.vertices) {
    if (v.kind == VertexKind::memory && s.link_bytes_per_s == 0) s.link_bytes_per_s = rate_alone(h, v.name, "gpu0");
  }
  if (values.count("link-bytes-per-s")) s.link_bytes_per_s = number_of(values, "link-bytes-per-s", 1e6, 1e15);
  s.recompute_flops = h.gpu.bf16_flops.value * h.gpu.gemm_efficiency.value;
  if (values.count("recompute-flops")) s.recompute_flops = number_of(values, "recompute-flops", 1e9, 1e18);
  return s;
}

Study run(const Architecture& model, const Hardware& h, Dtype weights, Dtype kv, const po::variables_map& values) {
  kvpr::Setting s = setting(h, values);
  const std::int64_t prompt = integer_of(values, "prompt-tokens", 1, 1 << 22),
                     output = integer_of(values, "output-tokens", 1, 1 << 20);
  Study study;
  const kvpr::LayerProfile p = kvpr::profile(model, h.gpu, weights, kv, s, prompt);
  study.document = {{"model", model.name},
                    {"hardware", h.name},
                    {"link_bytes_per_s", s.link_bytes_per_s},
                    {"recompute_flops", s.recompute_flops},
                    {"profile",
                     {{"activation_s_per_token", p.activation_s_per_token},
                      {"kv_s_per_token", p.kv_s_per_token},
                      {"recompute_s_per_token", p.recompute_s_per_token},
                      {"layer_own_s", p.own_s}}},
                    {"schedules", nlohmann::ordered_json::array()}};
  study.rows = {{"schedule", "computed again", "limit", "a layer, streamed", "a layer, KVPR", "decode, streamed",
                 "decode, KVPR", "time", "tokens/s"}};
  for (const kvpr::Schedule schedule : {kvpr::Schedule::row_by_row, kvpr::Schedule::column_by_column}) {
    const bool rows = schedule == kvpr::Schedule::row_by_row;
    s.schedule = schedule;
    s.weights_on_host = !rows;
    const auto lines = kvpr::lines(kvpr::profile(model, h.gpu, weights, kv, s, prompt), s, prompt);
    const kvpr::Split split = kvpr::best_split(lines, prompt);
    const kvpr::Generation g = kvpr::generate(model, h.gpu, weights, kv, s, prompt, output);
    const char* name = rows ? "row by row" : "column by column";
    study.document["schedules"].push_back({{"schedule", name},
                                           {"recomputed_tokens", split.recomputed_tokens},
                                           {"bound", split.bound},
                                           {"layer_streamed_s", kvpr::layer_s(lines, 0)},
                                           {"layer_s", split.layer_s},
                                           {"decode_streamed_s", g.streamed_s},
                                           {"decode_s", g.kvpr_s},
                                           {"output_tokens_per_s", g.tokens / g.kvpr_s}});
    study.rows.push_back({name, fmt::format("{} of {} tokens", split.recomputed_tokens, prompt), split.bound,
                          human_seconds(kvpr::layer_s(lines, 0)), human_seconds(split.layer_s),
                          human_seconds(g.streamed_s), human_seconds(g.kvpr_s),
                          fmt::format("{:+.1f} %", 100 * (g.kvpr_s / g.streamed_s - 1)),
                          fmt::format("{:.1f}", g.tokens / g.kvpr_s)});
  }
  const double ratio = kvpr::activation_ratio(model, weights, kv);
  study.document["activation_bytes_per_kv_byte"] = ratio;
  if (ratio >= 1 && s.link == kvpr::LinkModel::shared) {
    study.notes.push_back(
        fmt::format("grouped-query attention reverses the trade: a token's activations are {:.1f} times its keys "
                    "and values, so sending them never pays on one link; offload or recompute whole prefixes "
                    "instead (offload.load_choice)",
                    ratio));
  }
  study.notes.push_back(
      "row by row: weights in HBM, one batch (latency); column by column: weights stream, batches share them "
      "(throughput)");
  return study;
}

}  // namespace

const StudyEntry& kvpr_study() {
  static const StudyEntry entry = {
      "kvpr",      "decoding with KV in host memory, part of it computed again (KVPR, FlexGen)",
      "opt-6.7b",  "x86-a100-pcie",
      add_options, run};
  return entry;
}

}  // namespace kvplan

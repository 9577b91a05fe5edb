#include <fmt/format.h>

#include "cli/study.hpp"
#include "reports/cells.hpp"
#include "studies/unified_memory.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
namespace um = unified_memory;

void add_options(po::options_description& options) {
  options.add_options()("tp", integer(1), "GPUs of the replica")("batch", integer(1), "sequences that decode")(
      "context-tokens", integer(1024), "of each")(
      "gpu-memory-utilization", po::value<double>()->value_name("F")->default_value(kGpuMemoryUtilization, "0.9"),
      "share of HBM that the engine takes")("link-bytes-per-s", po::value<double>()->value_name("X"),
                                            "to one GPU; default: the hardware's host link");
}

Study run(const Architecture& model, const Hardware& h, Dtype weights, Dtype kv, const po::variables_map& values) {
  um::Setting s;
  s.weights = weights, s.kv = kv;
  s.tp = static_cast<std::int32_t>(integer_of(values, "tp", 1, h.gpus_per_node));
  s.batch = static_cast<std::int32_t>(integer_of(values, "batch", 1, 1 << 16));
  s.context_tokens = integer_of(values, "context-tokens", 1, 1 << 24);
  s.gpu_memory_utilization = number_of(values, "gpu-memory-utilization", 0.05, 1);
  if (values.count("link-bytes-per-s")) s.link_bytes_per_s = number_of(values, "link-bytes-per-s", 1e6, 1e15);
  const um::Need n = um::need(h, model, s);
  const std::vector<um::Way> ways = um::ways(h, model, s);
  Study study;
  study.document = {{"model", model.name},           {"hardware", h.name},
                    {"weight_bytes", n.weights},     {"kv_bytes", n.kv},
                    {"runtime_bytes", n.runtime},    {"hbm_bytes", n.hbm},
                    {"host_memory_bytes", n.host},   {"spilled_bytes", n.spilled},
                    {"fits_in_hbm", n.spilled == 0}, {"ways", nlohmann::ordered_json::array()}};
  study.rows = {{"way", "over the link in a step", "at", "step", "tokens/s", ""}};
  for (const um::Way& w : ways) {
    study.document["ways"].push_back({{"way", w.name},
                                      {"host_bytes_per_step", w.host_bytes},
                                      {"bytes_per_s", w.bytes_per_s},
                                      {"step_s", w.step_s},
                                      {"output_tokens_per_s", w.tokens_per_s},
                                      {"unavailable", w.unavailable}});
    if (w.unavailable.empty()) {
      study.rows.push_back({w.name, human_bytes(w.host_bytes), human_bytes(w.bytes_per_s) + "/s",
                            human_seconds(w.step_s), fmt::format("{:.2f}", w.tokens_per_s), ""});
    } else {
      study.rows.push_back({w.name, "", "", "", "", w.unavailable});
    }
  }
  const std::string needs =
      fmt::format("{} of weights, {} of KV ({} x {} tokens) and {} of activations and runtime", human_bytes(n.weights),
                  human_bytes(n.kv), s.batch, s.context_tokens, human_bytes(n.runtime));
  if (n.spilled == 0) {
    study.notes.push_back(fmt::format("{} fit in the {} of HBM: nothing is spilled", needs, human_bytes(n.hbm)));
    return study;
  }
  study.notes.push_back(fmt::format("OUT OF MEMORY without host memory: {} exceed the {} of HBM by {:.0f} bytes", needs,
                                    human_bytes(n.hbm), n.spilled));
  for (const std::string& way : um::ways_out(h, model, s)) study.notes.push_back("way out: " + way);
  return study;
}

}  // namespace

const StudyEntry& unified_memory_study() {
  static const StudyEntry entry = {
      "unified-memory", "a model or KV beyond HBM: streamed, read in place, managed; tokens/s, verdict, ways out",
      "llama-3.1-70b",  "gh200-96",
      add_options,      run};
  return entry;
}

}  // namespace kvplan

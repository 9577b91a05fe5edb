// Tokens of KV that servers logged when they started, beside what is left of the GPUs' memory by models/memory.hpp.
#include <fmt/format.h>

#include "models/memory.hpp"
#include "validate/experiment_head.hpp"

namespace kvplan {
namespace {

struct Server {
  Architecture model;
  Hardware hardware;
  Dtype weights, kv;
  std::int32_t tp;
  double utilization;
};

Server read_server(JsonReader& r) {
  return {load_architecture(r.string("model")),
          load_hardware(r.string("hardware")),
          dtype_from_name(r.string("weights", "bf16")),
          dtype_from_name(r.string("kv_dtype", "bf16")),
          static_cast<std::int32_t>(r.integer("tp", 1, 64, 1)),
          r.number("gpu_memory_utilization", 0.05, 1, kGpuMemoryUtilization)};
}

double tokens_of(const Server& s, std::int64_t sequences) {
  const Bytes memory = kv_memory_per_gpu(s.model, s.hardware, s.tp, s.weights, s.utilization);
  const KvShare share = kv_share(s.model, s.kv, s.tp, memory, sequences);
  return static_cast<double>(share.paged.count / share.per_token_per_gpu.count);
}

}  // namespace

Experiment kv_capacity(const JsonFile& file) {
  JsonFindings findings;
  JsonReader in(file, findings);
  Experiment e;
  e.title = in.string("title");
  e.source = in.string("source");
  const double tolerance = in.number("tolerance", 0, 1);
  const std::int64_t sequences = in.integer("sequences", 1, 65536);
  e.remarks = in.strings("notes", true);
  for (JsonReader& r : in.objects("points", true)) {
    const Server s = read_server(r);
    const auto published = static_cast<double>(r.integer("tokens", 1, std::int64_t{1} << 40));
    const std::string explained = r.string("explained", ""), source = r.string("source", "");
    e.comparisons.push_back({fmt::format("{}, {} of {}, TP{}", model_text(s.model, s.weights, s.kv), s.utilization,
                                         s.hardware.name, s.tp),
                             "tokens", tokens_of(s, sequences), published, explained.empty() ? tolerance : 0, false,
                             source + (source.empty() || explained.empty() ? "" : "; ") + explained});
    r.no_other_keys();
  }
  in.no_other_keys();
  findings.raise();
  return e;
}

}  // namespace kvplan

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

}  // namespace

Experiment kv_capacity(const JsonFile& file) {
  JsonFindings findings;
  JsonReader in(file, findings);
  Experiment e;
  e.title = in.string("title");
  e.source = in.string("source");
  e.inputs = {{"beside weights and KV", fmt::format("{} bytes of a GPU", kActivationAndRuntimeBytes.count)}};
  const double tolerance = in.number("tolerance", 0, 1);
  const std::int64_t sequences = in.integer("sequences", 1, 65536);
  e.remarks = in.strings("notes", true);
  for (JsonReader& r : in.objects("points", true)) {
    const Server s = read_server(r);
    const Bytes memory = kv_memory_per_gpu(s.model, s.hardware, s.tp, s.weights, s.utilization);
    const std::string explained = r.string("explained", ""), source = r.string("source", "");
    Comparison c{fmt::format("{}, {} of {}, TP{}", model_text(s.model, s.weights, s.kv), s.utilization, s.hardware.name,
                             s.tp),
                 "tokens"};
    if (r.has("gib_per_gpu")) {  // a log that tells the memory alone
      c.quantity += ", bytes of a GPU", c.unit = "bytes";
      c.predicted = static_cast<double>(memory.count);
      c.published = r.number("gib_per_gpu", 0.01, 1e6) * (1 << 30);
    } else {
      const KvShare share = kv_share(s.model, s.kv, s.tp, memory, sequences);
      c.predicted = static_cast<double>(share.paged.count / share.per_token_per_gpu.count);
      c.published = static_cast<double>(r.integer("tokens", 1, std::int64_t{1} << 40));
    }
    c.tolerance = explained.empty() ? tolerance : 0;
    c.remark = source + (source.empty() || explained.empty() ? "" : "; ") + explained;
    e.comparisons.push_back(std::move(c));
    r.no_other_keys();
  }
  in.no_other_keys();
  findings.raise();
  return e;
}

}  // namespace kvplan

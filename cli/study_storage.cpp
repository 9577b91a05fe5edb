#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/study.hpp"
#include "reports/cells.hpp"
#include "studies/storage.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

void add_options(po::options_description& options) {
  options.add_options()("tp", integer(8), "GPUs of the replica whose context comes back")(
      "context-tokens", integer(131072), "to restore")("object-tokens", integer(256), "of one object of the store");
}

Study run(const Architecture& model, const Hardware& h, Dtype weights, Dtype kv, const po::variables_map& values) {
  const auto tp = static_cast<std::int32_t>(integer_of(values, "tp", 1, h.gpus_per_node));
  const std::int64_t tokens = integer_of(values, "context-tokens", 1, 1 << 24),
                     object = integer_of(values, "object-tokens", 1, 1 << 20);
  Study study;
  study.document = {{"model", model.name},
                    {"hardware", h.name},
                    {"tp", tp},
                    {"context_tokens", tokens},
                    {"restores", nlohmann::ordered_json::array()},
                    {"streams", nlohmann::ordered_json::array()}};
  study.rows = {{"from", "to", "takes", "rate", ""}};
  for (const storage::Restore& r : storage::restores(h, model, weights, kv, tp, tokens, object)) {
    study.document["restores"].push_back({{"from", r.from}, {"s", r.s}, {"bytes_per_s", r.bytes_per_s}});
    study.rows.push_back({r.from, fmt::format("{} tokens on {} GPUs", tokens, tp), human_seconds(r.s),
                          human_bytes(r.bytes_per_s) + "/s", ""});
  }
  for (const Vertex& from : h.vertices) {
    if (from.kind == VertexKind::gpu || from.kind == VertexKind::bridge) continue;
    for (const Vertex& to : h.vertices) {
      const double rate = to.kind == VertexKind::gpu ? rate_alone(h, from.name, to.name) : 0;
      if (rate == 0) continue;
      study.document["streams"].push_back({{"from", from.name}, {"to", to.name}, {"bytes_per_s", rate}});
      study.rows.push_back({from.name, to.name, "", human_bytes(rate) + "/s", "one stream alone"});
    }
  }
  return study;
}

}  // namespace

const StudyEntry& storage_study() {
  static const StudyEntry entry = {
      "storage",       "a long context back from each tier of a node, and what every path of it gives",
      "llama-3.1-70b", "dgx-h100",
      add_options,     run};
  return entry;
}

}  // namespace kvplan

#include "validate/published.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/embedded.hpp"

namespace kvplan {
namespace {

struct Entry {
  const char* name;
  Experiment (*run)(const JsonFile&);
};

constexpr Entry kExperiments[] = {
    {"dynamo-storage", storage_restore},
    {"gh200-weights", weight_streaming},
    {"kv-allocation", kv_allocation},
    {"kv-capacity", kv_capacity},
    {"kvpr", kvpr_decode},
    {"llmd-tiered", llmd_tiered},
    {"memory", memory_study},
    {"mlperf-offline", offline_throughput},
    {"mooncake-lru", mooncake_lru},
    {"nvidia-multiturn", nvidia_multiturn},
    {"trtllm-throughput", offline_throughput},
    {"vllm-ttft", vllm_ttft},
};

}  // namespace

bool Experiment::met() const {
  return std::all_of(comparisons.begin(), comparisons.end(), [](const Comparison& c) { return c.met(); });
}

std::vector<std::string> published_experiments() {
  std::vector<std::string> names;
  for (const Entry& e : kExperiments) names.push_back(e.name);
  return names;
}

Experiment run_published(const std::string& name) {
  for (const Entry& e : kExperiments) {
    if (name != e.name) continue;
    const std::string file = fmt::format("validate/published/{}.json", name);
    const std::string_view text = embedded_file(file);
    KVPLAN_ASSERT(text.data() != nullptr);
    Experiment experiment = e.run(JsonFile::parse(std::string(text), file));
    experiment.name = name;
    return experiment;
  }
  throw InputError({"", 0, 0, fmt::format("no published experiment \"{}\"", name),
                    suggestion(name, published_experiments())});
}

}  // namespace kvplan

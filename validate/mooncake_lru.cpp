#include <filesystem>

#include <fmt/format.h>

#include "base/data_folder.hpp"
#include "traces/load.hpp"
#include "traces/stack_distance.hpp"
#include "validate/published.hpp"

namespace kvplan {

Experiment mooncake_lru(const JsonFile& file) {
  JsonFindings findings;
  JsonReader in(file, findings);
  Experiment e;
  e.title = in.string("title");
  e.source = in.string("source");
  const double tolerance = in.number("tolerance_absolute", 0, 1);
  const std::string path = data_path(in.string("trace"));
  e.inputs = {{"trace", std::filesystem::path(path).filename().string()},
              {"capacity", "round(tokens / 512) blocks; prompts touched head to tail, answers not inserted"}};
  std::vector<JsonReader> points = in.objects("points", true);
  in.no_other_keys();
  findings.raise();
  if (!std::filesystem::exists(path)) {
    e.skipped = fmt::format("{} is not there; set KVPLAN_DATA to the folder that holds traces/", path);
    return e;
  }
  LoadOptions options;
  options.tick = Time(0);
  const Workload workload = load_workload(path, options);
  const HitCurve curve = lru_hit_curve(workload);
  for (JsonReader& p : points) {
    const std::int64_t tokens = p.integer("capacity_tokens", 0, std::int64_t{1} << 50);
    const std::int64_t blocks = tokens == 0 ? workload.block_count() : (tokens + workload.block_tokens / 2) / workload.block_tokens;
    e.comparisons.push_back({tokens == 0 ? "hit rate, no limit" : fmt::format("hit rate, {} tokens", tokens), "",
                             curve.token_hit_rate(blocks), p.number("hit_rate", 0, 1), tolerance, true,
                             fmt::format("figure 9: {:.4f}", p.number("figure_9", 0, 1))});
    p.no_other_keys();
  }
  findings.raise();
  return e;
}

}  // namespace kvplan

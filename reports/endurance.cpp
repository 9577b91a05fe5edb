#include "reports/endurance.hpp"

#include <algorithm>

namespace kvplan {

Json ssd_endurance(const RunFacts& run, double written_bytes_per_day) {
  const SimulationConfig& c = run.config;
  const bool used = std::any_of(c.offload.beyond.begin(), c.offload.beyond.end(),
                                [](const LowerTierConfig& t) { return t.kind == Storage::ssd; });
  const Vertex* drives = run.hardware.storage(VertexKind::ssd);
  if (!used || drives == nullptr || drives->rated_write_bytes.value <= 0) return nullptr;
  // Whoever pays for some of a node's GPUs has that share of its drives.
  const double nodes = static_cast<double>(c.replicas) * run.gpus_per_replica / run.hardware.gpus_per_node;
  const double rated = drives->rated_write_bytes.value * nodes;
  Json j = {{"rated_write_bytes", rated}, {"worn_per_day", written_bytes_per_day / rated}, {"years_left", nullptr}};
  if (written_bytes_per_day > 0) j["years_left"] = rated / written_bytes_per_day / 365.25;
  return j;
}

}  // namespace kvplan

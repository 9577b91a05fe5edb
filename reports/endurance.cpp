#include "reports/endurance.hpp"

#include <algorithm>

namespace kvplan {

Json ssd_endurance(const RunFacts& run, double written_bytes_per_day) {
  const SimulationConfig& c = run.config;
  const bool used = std::any_of(c.offload.beyond.begin(), c.offload.beyond.end(),
                                [](const LowerTierConfig& t) { return t.kind == Storage::ssd; });
  if (!used) return nullptr;
  double rated = 0;
  bool all_rated = true;
  const auto add = [&](const Hardware& hardware, const SimulationConfig& kind) {
    const Vertex* drives = hardware.storage(VertexKind::ssd);
    all_rated = all_rated && drives != nullptr && drives->rated_write_bytes.value > 0;
    if (!all_rated) return;
    // Whoever pays for some of a node's GPUs has that share of its drives.
    const double nodes = static_cast<double>(kind.replicas) * kind.gpus_per_replica / hardware.gpus_per_node;
    rated += drives->rated_write_bytes.value * nodes;
  };
  add(run.hardware, c);
  for (std::size_t k = 0; k < c.others.size(); ++k) add(*run.others[k], c.others[k]);
  if (!all_rated) return nullptr;
  Json j = {{"rated_write_bytes", rated}, {"worn_per_day", written_bytes_per_day / rated}, {"years_left", nullptr}};
  if (written_bytes_per_day > 0) j["years_left"] = rated / written_bytes_per_day / 365.25;
  return j;
}

}  // namespace kvplan

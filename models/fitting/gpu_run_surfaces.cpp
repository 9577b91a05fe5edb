#include "models/fitting/gpu_run_surfaces.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "validate/gpu_run/tables.hpp"

namespace kvplan {
namespace {

constexpr std::size_t kLeastSizes = 3;

using RateBySize = std::map<std::int64_t, double>;  // bytes per second, by bytes of a segment

std::vector<CopySurface::Point> points_of(std::map<std::int64_t, RateBySize> by_count) {
  std::vector<CopySurface::Point> out;
  const RateBySize* fewer = nullptr;
  for (auto& [count, rates] : by_count) {
    if (fewer != nullptr) rates.insert(fewer->upper_bound(rates.rbegin()->first), fewer->end());
    for (const auto& [bytes, rate] : rates) out.push_back({bytes, count, rate});
    fewer = &rates;
  }
  return out;
}

}  // namespace

std::vector<MeasuredSurface> surfaces_of(const GpuRun& run) {
  const GpuTables tables = tables_of(run);
  std::vector<MeasuredSurface> out;
  for (const auto& [method, measured_as] : {std::pair("batch", "batch"), std::pair("kernel", "kernel_12")}) {
    for (const bool to_device : {true, false}) {
      std::map<std::int64_t, RateBySize> by_count;
      std::set<std::int64_t> sizes;
      for (const TransferRow& r : tables.transfers) {
        if (r.method != measured_as || r.direction != (to_device ? "h2d" : "d2h")) continue;
        const double bytes = static_cast<double>(r.segment_bytes) * static_cast<double>(r.segments);
        by_count[r.segments][r.segment_bytes] = bytes / (std::max(r.latency.ms, r.submit_ms) * 1e-3);
        sizes.insert(r.segment_bytes);
      }
      if (sizes.size() >= kLeastSizes) out.push_back({method, to_device, points_of(std::move(by_count))});
    }
  }
  return out;
}

}  // namespace kvplan

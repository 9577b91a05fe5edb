#include "validate/gpu_run/targets.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kvplan {
namespace {

// The greatest rate (bytes or operations a second) among the points of an experiment that `fits` accepts; 0: none.
template <class Fits, class Amount>
double best_rate(const GpuRun& run, const char* experiment, Fits fits, Amount amount) {
  double best = 0;
  for (const RunPoint& p : run.points) {
    if (p.experiment != experiment || p.status != PointStatus::ok || !fits(p.params)) continue;
    best = std::max(best, amount(p) / p.summary().median * 1e9);
  }
  return best;
}

RunTarget ratio(std::string what, double reached, double against, double wanted) {
  const bool measured = reached > 0 && against > 0;
  return {std::move(what), "", measured ? reached / against : 0, wanted, measured};
}

}  // namespace

std::vector<RunTarget> targets_of(const GpuRun& run) {
  const auto bytes = [](const RunPoint& p) { return static_cast<double>(p.bytes); };
  const auto flops = [](const RunPoint& p) { return p.flops; };
  std::vector<RunTarget> out;
  for (const char* dir : {"h2d", "d2h"}) {
    const auto same_way = [&](const RunValues& v) { return text(v, "dir") == dir; };
    const double plain = best_rate(
        run, "X1", [&](const RunValues& v) { return same_way(v) && text(v, "memory") == "pinned"; }, bytes);
    const double segments = best_rate(
        run, "X2", [&](const RunValues& v) { return same_way(v) && whole(v, "segment_bytes") == 2 << 20; }, bytes);
    out.push_back(ratio(std::string("2 MiB segments over the best large copy, ") + dir, segments, plain, 0.95));
  }
  // A smaller copy inside HBM may never leave the L2 cache.
  constexpr std::int64_t kBeyondCaches = std::int64_t{128} << 20;
  double copy = 0;
  for (const RunPoint& p : run.points) {
    const bool inside = p.experiment == "X1" && p.status == PointStatus::ok && text(p.params, "dir") == "d2d";
    if (inside && p.bytes >= kBeyondCaches) copy = std::max(copy, 2 * bytes(p) / p.summary().median * 1e9);
  }
  const double decode = best_rate(
      run, "X9", [](const RunValues& v) { return whole(v, "batch") == 16 && whole(v, "kv_tokens") == 8192; }, bytes);
  out.push_back(ratio("decode attention over copy bandwidth, batch 16, context 8192", decode, copy, 0.8));
  const auto tera = [&](std::string what, double rate, double wanted) {
    out.push_back({std::move(what), "TFLOP/s", rate * 1e-12, wanted, rate > 0});
  };
  tera("prefill attention, 8192 tokens, bf16",
       best_rate(
           run, "X8", [](const RunValues& v) { return whole(v, "new_tokens") == 8192 && whole(v, "prefix") == 0; },
           flops),
       200);
  for (const char* dtype : {"bfloat16", "fp8"}) {
    tera(std::string("matrix product, ") + dtype,
         best_rate(
             run, "X7", [&](const RunValues& v) { return text(v, "dtype") == dtype; }, flops),
         0);
  }
  return out;
}

std::string to_text(const std::vector<RunTarget>& targets) {
  std::string out;
  for (const RunTarget& t : targets) {
    const std::string wanted =
        t.wanted > 0 ? fmt::format("at least {:.4g}: {}", t.wanted, t.met() ? "met" : "MISSED") : "";
    out += t.measured ? fmt::format("{:<62} {:>8.4g} {:<8} {}\n", t.what, t.reached, t.unit, wanted)
                      : fmt::format("{:<62} not measured\n", t.what);
  }
  return out;
}

}  // namespace kvplan

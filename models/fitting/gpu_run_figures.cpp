#include "models/fitting/gpu_run_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.hpp"
#include "validate/gpu_run/tables.hpp"

namespace kvplan {
namespace {

std::string towards(const std::string& dir) { return dir == "h2d" ? "to_device" : "from_device"; }

MeasuredFigure around(std::string key, double value, double error, std::string note) {
  return {std::move(key), value, value * (1 - error), value * (1 + error), std::move(note)};
}

// The rate and the cost of a segment, from a line that is at most `error` off the times.
void add_line(const std::string& dir, double bytes_per_s, double segment_s, double error, const std::string& from,
              std::vector<MeasuredFigure>& out) {
  constexpr double kDoubtful = 0.10, kNoLine = 0.30;
  if (!(bytes_per_s > 0) || !std::isfinite(bytes_per_s) || !std::isfinite(segment_s)) return;
  const std::string note = fmt::format("{}, at most {:.1f} % off the line", from, 100 * error);
  if (error > kNoLine) {
    throw InputError(Diagnostic{"", 0, 0, fmt::format("{}: {}", towards(dir), note),
                                "a segment's time is not a fixed cost and a rate: measure again, on an idle machine"});
  }
  for (MeasuredFigure f : {around(towards(dir) + "_bytes_per_s", bytes_per_s, error, note),
                           around(towards(dir) + "_segment_s", std::max(0.0, segment_s), error, note)}) {
    f.doubtful = error > kDoubtful;
    out.push_back(std::move(f));
  }
}

// A segment's time is fixed + bytes / rate. What an engine submits has no latch before it: of small segments only such
// times count, which contain the submission. Beside large ones it does not show.
void add_segments(const GpuTables& tables, const std::string& dir, std::vector<MeasuredFigure>& out) {
  constexpr std::int64_t kLarge = std::int64_t{2} << 20;
  std::vector<double> bytes, times;
  std::set<std::int64_t> sizes;
  for (const TransferRow& r : tables.transfers) {
    if (r.method != "dma" || r.direction != dir || (r.latched && r.segment_bytes < kLarge)) continue;
    sizes.insert(r.segment_bytes);
    bytes.push_back(static_cast<double>(r.segment_bytes));
    times.push_back(r.latency.ms * 1e-3 / static_cast<double>(r.segments));
  }
  if (sizes.size() >= 3) {
    const LineFit f = fit_line(bytes, times);
    return add_line(dir, 1 / f.per_unit, f.fixed, f.largest_relative_error,
                    fmt::format("{} sizes of segments by DMA", sizes.size()), out);
  }
  for (const LinkRow& l : tables.links) {
    if (l.direction != dir || l.memory != "pinned") continue;
    add_line(dir, l.bytes_per_s, l.fixed_s, l.largest_relative_error,
             fmt::format("contiguous pinned copies of {} to {} bytes", l.smallest_bytes, l.largest_bytes), out);
  }
}

double value_of(const std::vector<MeasuredFigure>& figures, const std::string& key) {
  const auto f = std::find_if(figures.begin(), figures.end(), [&](const MeasuredFigure& m) { return m.key == key; });
  return f == figures.end() ? 0 : f->value;
}

// As much each way at once, in the largest segments; the time until both are there, less what the segments cost one
// after the other.
void add_duplex(const GpuTables& tables, std::vector<MeasuredFigure>& out) {
  const TogetherRow* best = nullptr;
  for (const TogetherRow& r : tables.together) {
    if (r.pattern != "h2d + d2h" || r.method != "dma" || r.segment_bytes < 1 || r.bytes < 1) continue;
    if (best == nullptr || r.segment_bytes > best->segment_bytes) best = &r;
  }
  if (best == nullptr) return;
  const double cost_s = std::max(value_of(out, "to_device_segment_s"), value_of(out, "from_device_segment_s"));
  const double each_way = static_cast<double>(best->bytes) / 2 / static_cast<double>(best->segment_bytes);
  const double rate = static_cast<double>(best->bytes) / (best->latency.ms * 1e-3 - each_way * cost_s);
  if (!(rate > 0)) return;
  out.push_back({"duplex_bytes_per_s", rate, rate, rate,
                 fmt::format("both ways at once by DMA, segments of {} bytes", best->segment_bytes)});
}

// The geometric mean over the kernels that were slowed.
void add_slowdown(const GpuTables& tables, const std::string& dir, std::vector<MeasuredFigure>& out) {
  double logs = 0, low = 1e9, high = 0;
  std::vector<std::string> victims;
  for (const SlowdownRow& r : tables.slowdowns) {
    if (r.aggressor != dir + " dma" || (r.victim != "decode" && r.victim != "prefill")) continue;
    const double factor = std::max(1.0, r.factor);  // a copy does not speed kernels up: that is noise
    logs += std::log(factor);
    low = std::min(low, factor), high = std::max(high, factor);
    victims.push_back(r.victim);
  }
  if (victims.empty()) return;
  out.push_back({"copy_slowdown_" + towards(dir), std::exp(logs / static_cast<double>(victims.size())), low, high,
                 fmt::format("copies by DMA beside {}", fmt::join(victims, " and "))});
}

// What DMA copies lose beside kernels: the geometric mean over the kernels.
void add_compute_slowdown(const GpuTables& tables, const std::string& dir, std::vector<MeasuredFigure>& out) {
  double logs = 0, low = 1e9, high = 0;
  std::vector<std::string> aggressors;
  for (const SlowdownRow& r : tables.slowdowns) {
    if (r.victim != dir + " dma" || (r.aggressor != "decode" && r.aggressor != "prefill")) continue;
    const double factor = std::max(1.0, r.factor);
    logs += std::log(factor);
    low = std::min(low, factor), high = std::max(high, factor);
    aggressors.push_back(r.aggressor);
  }
  if (aggressors.empty()) return;
  out.push_back({"compute_slowdown_" + towards(dir), std::exp(logs / static_cast<double>(aggressors.size())), low, high,
                 fmt::format("copies by DMA beside {}", fmt::join(aggressors, " and "))});
}

// A small copy's wait, in times that a large one's piece takes: the least over the sizes of pieces. Where the range
// says that the times fall as pieces grow, small copies wait for all that is queued and not for one piece; the least is
// then that of one piece. Large copies ran to the device alone, so that the other direction is taken as this one.
void add_control_wait(const GpuTables& tables, std::vector<MeasuredFigure>& out) {
  const double rate = value_of(out, "to_device_bytes_per_s"), segment_s = value_of(out, "to_device_segment_s");
  double alone_s = 0, low = 1e9, high = 0;
  int sizes = 0;
  for (const ControlCopyRow& r : tables.control_copies) {
    if (r.direction == "h2d" && r.chunk_bytes == 0) alone_s = r.latency.ms * 1e-3;
  }
  for (const ControlCopyRow& r : tables.control_copies) {
    if (r.direction != "h2d" || r.chunk_bytes == 0 || alone_s == 0 || rate == 0) continue;
    const double piece_s = segment_s + static_cast<double>(r.chunk_bytes) / rate;
    const double waited = std::max(0.0, r.latency.ms * 1e-3 - alone_s) / piece_s;
    low = std::min(low, waited), high = std::max(high, waited);
    ++sizes;
  }
  if (sizes == 0) return;
  if (low < 0.001) low = 0;  // no wait
  const std::string note =
      fmt::format("a 64 KiB copy behind 256 MiB to the device: the least of {} sizes of pieces", sizes);
  out.push_back({"control_wait_pieces_to_device", low, low, high, note});
  out.push_back({"control_wait_pieces_from_device", low, low, high, note + "; taken for this direction too"});
}

// What a kernel of 12 blocks, vLLM's, takes beyond a DMA copy: the geometric mean over the kernels that were slowed.
void add_kernel_slowdown(const GpuTables& tables, const std::string& dir, std::vector<MeasuredFigure>& out) {
  const auto factor = [&](const std::string& victim, const std::string& aggressor) {
    for (const SlowdownRow& r : tables.slowdowns) {
      if (r.victim == victim && r.aggressor == aggressor) return std::max(1.0, r.factor);
    }
    return 0.0;
  };
  double logs = 0, low = 1e9, high = 0;
  std::vector<std::string> victims;
  for (const std::string victim : {"decode", "prefill"}) {
    const double dma = factor(victim, dir + " dma"), kernel = factor(victim, dir + " kernel_12");
    if (dma == 0 || kernel == 0) continue;
    const double beyond = std::max(1.0, kernel / dma);
    logs += std::log(beyond);
    low = std::min(low, beyond), high = std::max(high, beyond);
    victims.push_back(victim);
  }
  if (victims.empty()) return;
  out.push_back({"kernel_copy_slowdown_" + towards(dir), std::exp(logs / static_cast<double>(victims.size())), low, high,
                 fmt::format("copies by a kernel of 12 blocks beside {}, over copies by DMA", fmt::join(victims, " and "))});
}

}  // namespace

std::vector<MeasuredFigure> figures_of(const GpuRun& run) {
  const GpuTables tables = tables_of(run);
  std::vector<MeasuredFigure> out;
  for (const std::string dir : {"h2d", "d2h"}) add_segments(tables, dir, out);
  add_duplex(tables, out);
  for (const std::string dir : {"h2d", "d2h"}) add_slowdown(tables, dir, out);
  for (const std::string dir : {"h2d", "d2h"}) add_kernel_slowdown(tables, dir, out);
  for (const std::string dir : {"h2d", "d2h"}) add_compute_slowdown(tables, dir, out);
  add_control_wait(tables, out);
  const auto memory = static_cast<double>(whole(run.gpu, "memory_bytes"));
  if (memory > 0 && !out.empty()) out.push_back({"hbm_bytes", memory, memory, memory, "total memory that CUDA exposes"});
  return out;
}

std::vector<MeasuredFigure> figures_of(const NvbandwidthRun& run) {
  std::vector<MeasuredFigure> out;
  double duplex = 0;
  int ways = 0;
  for (const NvbandwidthRow& r : run.rows) {
    const bool one_gpu = r.test.rfind("host_to_device", 0) == 0 || r.test.rfind("device_to_host", 0) == 0;
    if (!one_gpu || r.method != "ce" || !(r.bytes_per_s > 0)) continue;
    if (r.bidirectional) {
      duplex += r.bytes_per_s, ++ways;
    } else {
      out.push_back({towards(r.direction) + "_bytes_per_s", r.bytes_per_s, r.bytes_per_s, r.bytes_per_s,
                     r.test + ", the mean of the GPUs"});
    }
  }
  if (ways == 2) out.push_back({"duplex_bytes_per_s", duplex, duplex, duplex, "both bidirectional tests together"});
  return out;
}

std::vector<MeasuredFigure> storage_figures_of(const GpuRun& run, std::int64_t block_bytes) {
  std::vector<MeasuredFigure> out;
  for (const std::string operation : {"read", "write"}) {
    const RunPoint* best = nullptr;
    const auto worth = [&](const RunPoint& p) {  // more threads, then the nearer block
      const double off = std::log(static_cast<double>(whole(p.params, "block_bytes")) / static_cast<double>(block_bytes));
      return std::pair(whole(p.params, "threads"), -std::abs(off));
    };
    for (const RunPoint& p : run.points) {
      if (p.experiment != "X14" || p.status != PointStatus::ok || text(p.params, "operation") != operation) continue;
      if (best == nullptr || worth(p) > worth(*best)) best = &p;
    }
    if (best == nullptr) continue;
    const SampleSummary s = best->summary();
    const auto rate = [&](double ns) { return static_cast<double>(best->bytes) / (ns * 1e-9); };
    out.push_back({"storage_" + operation + "_bytes_per_s", rate(s.median), rate(s.ci95_high), rate(s.ci95_low),
                   fmt::format("files in {}, {} threads, blocks of {} bytes, past the page cache",
                               text(best->params, "folder"), whole(best->params, "threads"),
                               whole(best->params, "block_bytes"))});
  }
  return out;
}

SmallKernels small_kernels_of(const GpuRun& run, double hbm_bytes_per_s) {
  constexpr double kLaunchIsLittle = 20'000;  // ns
  std::map<std::string, std::pair<double, double>> bytes_and_ns;
  SmallKernels out;
  for (const RunPoint& p : run.points) {
    const std::string kernel = text(p.params, "kernel");
    const bool small = kernel == "rms_norm" || kernel == "rope_append" || kernel == "silu_mul";
    if (p.experiment != "X10" || p.status != PointStatus::ok || !small || p.summary().median < kLaunchIsLittle) continue;
    bytes_and_ns[kernel].first += static_cast<double>(p.bytes);
    bytes_and_ns[kernel].second += p.summary().median;
    ++out.rows;
  }
  if (out.rows == 0) return out;
  double bytes = 0, ns = 0;
  out.efficiency = {"elementwise_efficiency", 0, 1e9, 0};
  for (const auto& [kernel, sums] : bytes_and_ns) {
    bytes += sums.first, ns += sums.second;
    const double e = sums.first / (sums.second * 1e-9) / hbm_bytes_per_s;
    out.efficiency.low = std::min(out.efficiency.low, e), out.efficiency.high = std::max(out.efficiency.high, e);
  }
  out.efficiency.value = bytes / (ns * 1e-9) / hbm_bytes_per_s;
  return out;
}

}  // namespace kvplan

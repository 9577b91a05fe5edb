#include "validate/gpu_run/judge.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace kvplan {
namespace {

constexpr std::array<std::string_view, 8> kKnownCards{"A100", "H100", "H200", "H800", "H20", "GH200", "B200", "GB200"};

double gib(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

bool known(const std::string& name) {
  for (const std::string_view card : kKnownCards) {
    if (name.find(card) != std::string::npos) return true;
  }
  return false;
}

void judge_refusals(const DeviceFacts& f, std::vector<RunFinding>& out) {
  const int compute = 10 * f.compute_major + f.compute_minor;
  if (f.driver / 1000 < f.runtime / 1000) {
    out.push_back({"old_driver", true,
                   fmt::format("the driver offers CUDA {}.{}, this program needs {}.{} or later: update the driver or "
                               "build with an older toolkit (12.4 or later)",
                               f.driver / 1000, f.driver % 1000 / 10, f.runtime / 1000, 0)});
  }
  if (compute < 80) {
    out.push_back({"old_gpu", true,
                   fmt::format("{} has compute capability {}.{}; bf16 matrix instructions and asynchronous copies need "
                               "8.0 or later",
                               f.name, f.compute_major, f.compute_minor)});
  }
  if (f.hbm_free_bytes < kLeastHbmBytes) {
    out.push_back({"little_hbm", true,
                   fmt::format("{:.1f} of {:.1f} GiB of GPU memory are free; {:.0f} GiB are the least to measure with",
                               gib(f.hbm_free_bytes), gib(f.hbm_bytes), gib(kLeastHbmBytes))});
  }
}

void judge_doubts(const DeviceFacts& f, std::vector<RunFinding>& out) {
  if (f.mig) {
    out.push_back({"mig", false, "this is a slice of a GPU (MIG): its figures hold for the slice, not for the card"});
  }
  if (f.other_processes > 0 || f.busy_percent > 5) {
    out.push_back({"busy", false,
                   fmt::format("the GPU is in use: {} other processes, {} % busy before the run; figures are doubtful",
                               f.other_processes, f.busy_percent)});
  }
  if (f.throttle != "none" && f.throttle != "unknown") {
    out.push_back({"throttled", false, "the GPU holds its clocks back (" + f.throttle + "); figures are doubtful"});
  }
  if (f.hbm_free_bytes >= kLeastHbmBytes && f.hbm_free_bytes < kWholeHbmBytes) {
    out.push_back({"some_hbm", false,
                   fmt::format("{:.1f} GiB of GPU memory are free; the largest experiments want {:.0f} and will be "
                               "waived",
                               gib(f.hbm_free_bytes), gib(kWholeHbmBytes))});
  }
  if (f.host_available_bytes < kLeastHostBytes) {  // some virtual machines grow as they are used: only a doubt
    out.push_back(
        {"little_host_memory", false,
         fmt::format("{:.1f} of {:.1f} GiB of host memory are available; pinned buffers and files want {:.0f}",
                     gib(f.host_available_bytes), gib(f.host_bytes), gib(kLeastHostBytes))});
  }
  if (!known(f.name)) {
    out.push_back(
        {"unknown_card", false, "no hardware file describes \"" + f.name + "\"; write one before planning with it"});
  }
  if (!f.nvml) {
    out.push_back({"no_nvml", false, "libnvidia-ml.so.1 is missing: clocks, throttling and other users are not known"});
  }
  if (!f.cublaslt) {
    out.push_back({"no_cublaslt", false,
                   "libcublasLt.so.13 or .12 is missing (set LD_LIBRARY_PATH to the toolkit's lib64): experiments with "
                   "matrix products are waived"});
  }
}

}  // namespace

std::vector<RunFinding> judge(const DeviceFacts& f) {
  std::vector<RunFinding> out;
  judge_refusals(f, out);
  judge_doubts(f, out);
  return out;
}

}  // namespace kvplan

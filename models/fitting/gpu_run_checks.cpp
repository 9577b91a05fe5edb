#include "models/fitting/gpu_run_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/error.hpp"

namespace kvplan {
namespace {

std::string small_letters(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// What tells boards with one kind of GPU apart; "" for SXM and superchips.
std::string board(const std::string& name) {
  const std::string small = small_letters(name);
  for (const char* known : {"pcie", "nvl"}) {
    if (small.find(known) != std::string::npos) return known;
  }
  return "";
}

[[noreturn]] void refuse(const std::string& file, const std::string& what, const std::string& help) {
  throw InputError(Diagnostic{file, 0, 0, what, help});
}

void check_name(const std::string& name, const std::string& file, const Hardware& hardware) {
  check_gpu_kind(gpu_kind(name), file, hardware);
  if (board(name) != board(hardware.name + " " + hardware.gpu.name)) {
    refuse(file, fmt::format("{} was measured, but the hardware has {}", name, hardware.gpu.name),
           "name the hardware that was measured with --hardware");
  }
}

}  // namespace

std::vector<std::string> admit(GpuRun& run, const std::string& file, const RunUse& use) {
  if (run.synthetic && !use.synthetic) {
    refuse(file, "this run was made by a formula, not by a GPU",
           "measure one with kvplan-gpu; --synthetic fits it all the same, for tests");
  }
  std::vector<std::string> warnings;
  for (const RunFinding& f : run.findings) {
    if (f.refuses || f.code == "mig" || f.code == "context_lost") {
      refuse(file, fmt::format("{}: {}", f.code, f.message), "measure a whole GPU, to the end");
    }
    warnings.push_back(fmt::format("{}: {}: {}", run.id, f.code, f.message));
  }
  if (!run.complete) warnings.push_back(run.id + " is not complete: it ended early");
  if (!use.suspect) return warnings;
  std::int64_t accepted = 0;
  for (RunPoint& p : run.points) {
    if (p.status != PointStatus::suspect) continue;
    p.status = PointStatus::ok;
    ++accepted;
  }
  if (accepted > 0) warnings.push_back(fmt::format("{}: {} suspect points are taken as they are", run.id, accepted));
  return warnings;
}

std::string gpu_kind(const std::string& name) {
  constexpr std::string_view kMaker = "nvidia ";
  const std::string small = small_letters(name);
  const std::size_t word = small.starts_with(kMaker) ? kMaker.size() : 0;
  std::string found = small.substr(word, small.find_first_of(" _-", word) - word);
  for (const char* known : {"a100", "h100", "h200", "gh200", "b200", "gb200"}) {  // the longer names last
    if (small.find(known) != std::string::npos) found = known;
  }
  return found;
}

void check_gpu_kind(const std::string& kind, const std::string& file, const Hardware& hardware) {
  if (kind.empty() || kind == gpu_kind(hardware.gpu.name)) return;
  refuse(file, fmt::format("these are times of {}, but {} has {}", kind, hardware.name, hardware.gpu.name),
         "name the hardware that was measured with --hardware");
}

void check_gpu(const GpuRun& run, const std::string& file, const Hardware& hardware) {
  // A card exposes up to a fifteenth more than it is sold with, which a hardware file may say; the next size is farther.
  constexpr double kLeast = 0.9, kMost = 1.1;
  check_name(text(run.gpu, "name"), file, hardware);
  const auto measured = static_cast<double>(whole(run.gpu, "memory_bytes"));
  const double known = hardware.gpu.hbm_bytes.value;
  if (measured > 0 && (measured < kLeast * known || measured > kMost * known)) {
    refuse(file,
           fmt::format("a GPU with {:.0f} GB was measured, but {} has {:.0f} GB", measured / 1e9, hardware.name,
                       known / 1e9),
           "name the hardware that was measured with --hardware");
  }
}

void check_gpu(const NvbandwidthRun& run, const std::string& file, const Hardware& hardware) {
  for (const std::string& name : run.gpus) check_name(name, file, hardware);
}

}  // namespace kvplan

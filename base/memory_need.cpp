#include "base/memory_need.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "base/error.hpp"

namespace kvplan {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::infinity();

// The number behind a word ("MemAvailable:", or "" for the first) in a file of the system, in `unit` bytes.
double figure(const char* path, const std::string& word, double unit) {
  std::ifstream file(path);
  std::string token;
  if (!word.empty()) {
    while (file >> token && token != word) {
    }
  }
  double value = 0;
  return file >> value ? value * unit : kUnknown;
}

double address_space_left() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kUnknown;
  return static_cast<double>(limit.rlim_cur) - figure("/proc/self/status", "VmSize:", 1024);
}

double control_group_left() {
  const double most = figure("/sys/fs/cgroup/memory.max", "", 1);
  const double used = figure("/sys/fs/cgroup/memory.current", "", 1);
  return most == kUnknown || used == kUnknown ? kUnknown : most - used;
}

}  // namespace

double memory_left() {
  const double available = figure("/proc/meminfo", "MemAvailable:", 1024);
  return std::max(0.0, std::min({available, address_space_left(), control_group_left()}));
}

void require_memory(double bytes, const std::string& what, const std::string& help) {
  const double left = memory_left();
  if (bytes <= left) return;
  const auto gb = [](double b) { return fmt::format("{:.{}f}", b / 1e9, b < 1e9 ? 3 : 1); };
  throw InfeasibleError(fmt::format("{} would take at least {} GB of memory, and {} GB are left\n  help: {}", what,
                                    gb(bytes), gb(left), help));
}

}  // namespace kvplan

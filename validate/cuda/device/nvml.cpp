#include "validate/cuda/device/nvml.hpp"

#include <dlfcn.h>

#include <array>
#include <utility>

namespace kvplan::gpu {
namespace {

// From NVIDIA's NVML API reference; the library's ABI keeps these.
constexpr int kSuccess = 0;
constexpr int kNoSuchFunction = 13;
constexpr int kInsufficientSize = 7;
constexpr int kClockSm = 1, kClockMemory = 2;

constexpr std::array<std::pair<unsigned long long, const char*>, 6> kHeldBack{{
    {0x4, "software power cap"},
    {0x8, "hardware slowdown"},
    {0x20, "software thermal slowdown"},
    {0x40, "hardware thermal slowdown"},
    {0x80, "hardware power brake"},
    {0x2, "application clocks"},
}};

}  // namespace

template <class... Arguments>
int Nvml::call(const char* name, Arguments... arguments) const {
  void* symbol = library_ == nullptr ? nullptr : dlsym(library_, name);
  if (symbol == nullptr) return kNoSuchFunction;
  return reinterpret_cast<int (*)(Arguments...)>(symbol)(arguments...);
}

Nvml::Nvml(const std::string& pci_bus_id) : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW)) {
  if (call("nvmlInit_v2") != kSuccess) return;
  if (call("nvmlDeviceGetHandleByPciBusId_v2", pci_bus_id.c_str(), &device_) != kSuccess) device_ = nullptr;
}

Nvml::~Nvml() {
  if (library_ == nullptr) return;
  call("nvmlShutdown");
  dlclose(library_);
}

std::int64_t Nvml::sm_mhz() const {
  unsigned value = 0;
  return available() && call("nvmlDeviceGetClockInfo", device_, kClockSm, &value) == kSuccess ? value : 0;
}
std::int64_t Nvml::memory_mhz() const {
  unsigned value = 0;
  return available() && call("nvmlDeviceGetClockInfo", device_, kClockMemory, &value) == kSuccess ? value : 0;
}
std::int64_t Nvml::temperature_c() const {
  unsigned value = 0;
  return available() && call("nvmlDeviceGetTemperature", device_, 0, &value) == kSuccess ? value : 0;
}
std::int64_t Nvml::power_mw() const {
  unsigned value = 0;
  return available() && call("nvmlDeviceGetPowerUsage", device_, &value) == kSuccess ? value : 0;
}
std::int64_t Nvml::pcie_generation() const {
  unsigned value = 0;
  return available() && call("nvmlDeviceGetCurrPcieLinkGeneration", device_, &value) == kSuccess ? value : 0;
}
std::int64_t Nvml::pcie_lanes() const {
  unsigned value = 0;
  return available() && call("nvmlDeviceGetCurrPcieLinkWidth", device_, &value) == kSuccess ? value : 0;
}

std::string Nvml::throttle() const {
  unsigned long long reasons = 0;
  if (!available() || call("nvmlDeviceGetCurrentClocksThrottleReasons", device_, &reasons) != kSuccess)
    return "unknown";
  std::string out;
  for (const auto& [bit, name] : kHeldBack) {
    if (reasons & bit) out += (out.empty() ? "" : ", ") + std::string(name);
  }
  return out.empty() ? "none" : out;
}

int Nvml::other_processes() const {
  // A count of 0 asks how many there are: this process is one of them, unless its process number is hidden from NVML.
  unsigned count = 0;
  if (!available()) return -1;
  const int got = call("nvmlDeviceGetComputeRunningProcesses_v3", device_, &count, static_cast<void*>(nullptr));
  if (got != kSuccess && got != kInsufficientSize) return -1;
  return count > 1 ? static_cast<int>(count) - 1 : 0;
}

int Nvml::busy_percent() const {
  struct {
    unsigned gpu, memory;
  } use{};
  return available() && call("nvmlDeviceGetUtilizationRates", device_, static_cast<void*>(&use)) == kSuccess
             ? static_cast<int>(use.gpu)
             : -1;
}

bool Nvml::mig() const {
  unsigned current = 0, pending = 0;
  return available() && call("nvmlDeviceGetMigMode", device_, &current, &pending) == kSuccess && current != 0;
}

std::string Nvml::driver() const {
  std::array<char, 96> text{};
  const bool got =
      available() && call("nvmlSystemGetDriverVersion", text.data(), static_cast<unsigned>(text.size())) == kSuccess;
  return got ? text.data() : "";
}

}  // namespace kvplan::gpu

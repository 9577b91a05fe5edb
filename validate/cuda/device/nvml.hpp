// Clocks, throttling and other users of a GPU, from NVIDIA's management library
// where the machine has it: it is opened at run time, and nothing is ever set.
#pragma once

#include <cstdint>
#include <string>

namespace kvplan::gpu {

class Nvml {
 public:
  // pci_bus_id as cudaDeviceGetPCIBusId writes it.
  explicit Nvml(const std::string& pci_bus_id);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  bool available() const { return device_ != nullptr; }
  std::int64_t sm_mhz() const;  // 0: unknown; also below
  std::int64_t memory_mhz() const;
  std::int64_t temperature_c() const;
  std::int64_t power_mw() const;
  std::int64_t pcie_generation() const;
  std::int64_t pcie_lanes() const;
  std::string throttle() const;  // "none", the reasons joined by ", ", or "unknown"
  int other_processes() const;   // that compute, this one not counted; -1: unknown
  int busy_percent() const;      // of the last sample period; -1: unknown
  bool mig() const;
  std::string driver() const;

 private:
  template <class... Arguments>
  int call(const char* name, Arguments... arguments) const;

  void* library_ = nullptr;
  void* device_ = nullptr;
};

}  // namespace kvplan::gpu

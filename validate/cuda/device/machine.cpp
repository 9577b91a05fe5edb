#include "validate/cuda/device/machine.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <thread>

#include "validate/cuda/device/cuda.hpp"
#include "validate/cuda/device/facts.hpp"

namespace kvplan::gpu {

bool Machine::refuses() const {
  return std::any_of(findings.begin(), findings.end(), [](const RunFinding& f) { return f.refuses; });
}

namespace {

bool in_use(const std::vector<RunFinding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const RunFinding& f) { return f.code == "busy" || f.code == "throttled"; });
}

}  // namespace

Machine inspect_machine(const Nvml& nvml, const Matmul& matmul) {
  Machine m;
  m.facts = facts_of(0, nvml, matmul.available());
  m.findings = judge(m.facts);
  if (in_use(m.findings)) {  // by the program before this one, perhaps: utilisation is that of the last second
    std::this_thread::sleep_for(std::chrono::seconds(2));
    m.facts = facts_of(0, nvml, matmul.available());
    m.findings = judge(m.facts);
  }
  m.gpu = describe_gpu(0, nvml, matmul.version());
  m.host = describe_host();
  for (const RunFinding& f : m.findings) {
    std::fprintf(stderr, "%s: %s: %s\n", f.refuses ? "error" : "warning", f.code.c_str(), f.message.c_str());
  }
  return m;
}

std::string bus_id() {
  char bus[32] = {};
  KVPLAN_CUDA(cudaSetDevice(0));
  KVPLAN_CUDA(cudaDeviceGetPCIBusId(bus, sizeof bus, 0));
  return bus;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace kvplan::gpu

#include "validate/cuda/device/facts.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "validate/cuda/device/cuda.hpp"

namespace kvplan::gpu {
namespace {

std::int64_t attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  KVPLAN_CUDA(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

// The value behind "key : value" in a file of such lines.
std::string value_in(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, key.size(), key) != 0) continue;
    const std::size_t at = line.find_first_not_of(" \t", line.find(':') + 1);
    return at == std::string::npos ? "" : line.substr(at);
  }
  return "";
}

std::int64_t memory_bytes(const char* key) {
  const std::string value = value_in("/proc/meminfo", key);
  return value.empty() ? 0 : std::stoll(value) * 1024;
}

std::string uuid_text(const cudaUUID_t& uuid) {
  std::string out = "GPU-";
  for (std::size_t i = 0; i < sizeof uuid.bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    const auto byte = static_cast<unsigned char>(uuid.bytes[i]);
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

}  // namespace

DeviceFacts facts_of(int device, const Nvml& nvml, bool cublaslt) {
  cudaDeviceProp p;
  KVPLAN_CUDA(cudaGetDeviceProperties(&p, device));
  DeviceFacts f;
  f.name = p.name;
  f.compute_major = p.major;
  f.compute_minor = p.minor;
  KVPLAN_CUDA(cudaDriverGetVersion(&f.driver));
  KVPLAN_CUDA(cudaRuntimeGetVersion(&f.runtime));
  f.mig = nvml.mig() || f.name.find("MIG") != std::string::npos;
  std::size_t free = 0, total = 0;
  KVPLAN_CUDA(cudaMemGetInfo(&free, &total));
  f.hbm_bytes = static_cast<std::int64_t>(total);
  f.hbm_free_bytes = static_cast<std::int64_t>(free);
  f.host_bytes = memory_bytes("MemTotal");
  f.host_available_bytes = memory_bytes("MemAvailable");
  f.other_processes = nvml.other_processes();
  f.busy_percent = nvml.busy_percent();
  f.throttle = nvml.throttle();
  f.nvml = nvml.available();
  f.cublaslt = cublaslt;
  return f;
}

RunValues describe_gpu(int device, const Nvml& nvml, const std::string& cublaslt_version) {
  cudaDeviceProp p;
  KVPLAN_CUDA(cudaGetDeviceProperties(&p, device));
  int driver = 0, runtime = 0;
  KVPLAN_CUDA(cudaDriverGetVersion(&driver));
  KVPLAN_CUDA(cudaRuntimeGetVersion(&runtime));
  RunValues v;
  v["name"] = std::string(p.name);
  v["uuid"] = uuid_text(p.uuid);
  v["compute_capability"] = std::to_string(p.major) + "." + std::to_string(p.minor);
  v["multiprocessors"] = std::int64_t{p.multiProcessorCount};
  v["memory_bytes"] = static_cast<std::int64_t>(p.totalGlobalMem);
  v["l2_bytes"] = std::int64_t{p.l2CacheSize};
  v["ecc"] = p.ECCEnabled != 0;
  v["copy_engines"] = attribute(cudaDevAttrAsyncEngineCount, device);
  v["memory_bus_bits"] = attribute(cudaDevAttrGlobalMemoryBusWidth, device);
  v["pageable_memory_access"] = attribute(cudaDevAttrPageableMemoryAccess, device);
  v["uses_host_page_tables"] = attribute(cudaDevAttrPageableMemoryAccessUsesHostPageTables, device);
  v["concurrent_managed_access"] = attribute(cudaDevAttrConcurrentManagedAccess, device);
  v["cuda_driver"] = std::int64_t{driver};
  v["cuda_runtime"] = std::int64_t{runtime};
  v["driver"] = nvml.driver();
  v["cublaslt"] = cublaslt_version;
  v["pcie_generation"] = nvml.pcie_generation();
  v["pcie_lanes"] = nvml.pcie_lanes();
  v["sm_mhz"] = nvml.sm_mhz();
  v["memory_mhz"] = nvml.memory_mhz();
  v["temperature_c"] = nvml.temperature_c();
  v["power_mw"] = nvml.power_mw();
  return v;
}

RunValues describe_host() {
  RunValues v;
  utsname names{};
  uname(&names);
  v["kernel"] = std::string(names.release);
  v["machine"] = std::string(names.machine);
  v["cpu"] = value_in("/proc/cpuinfo", "model name");
  v["processors"] = std::int64_t{std::thread::hardware_concurrency()};
  v["memory_bytes"] = memory_bytes("MemTotal");
  v["numa_nodes"] = std::int64_t{1};
  for (std::int64_t node = 1; access(("/sys/devices/system/node/node" + std::to_string(node)).c_str(), F_OK) == 0;) {
    v["numa_nodes"] = ++node;
  }
  return v;
}

}  // namespace kvplan::gpu

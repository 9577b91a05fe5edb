#include "validate/cuda/list.hpp"

#include <cuda_runtime_api.h>

#include <cstdio>

#include "validate/cuda/exit_codes.hpp"

namespace kvplan::gpu {
namespace {

int fail(const char* call, cudaError_t error) {
  std::fprintf(stderr, "kvplan-gpu: %s failed: %s (%s)\n", call, cudaGetErrorString(error), cudaGetErrorName(error));
  return kCudaFailed;
}

int attribute(cudaDeviceAttr which, int device) {
  int value = -1;
  cudaDeviceGetAttribute(&value, which, device);
  return value;
}

void print_device(int device, const cudaDeviceProp& p, bool last) {
  std::printf("    {\"name\": \"%s\", \"compute_capability\": \"%d.%d\", \"memory_bytes\": %zu,\n", p.name, p.major,
              p.minor, p.totalGlobalMem);
  std::printf("     \"multiprocessors\": %d, \"l2_bytes\": %d, \"copy_engines\": %d, \"ecc\": %s,\n",
              p.multiProcessorCount, p.l2CacheSize, p.asyncEngineCount, p.ECCEnabled ? "true" : "false");
  std::printf("     \"memory_clock_khz\": %d, \"memory_bus_bits\": %d,\n",
              attribute(cudaDevAttrMemoryClockRate, device), p.memoryBusWidth);
  // 1 on Grace Hopper: kernels read host memory in place over NVLink-C2C.
  std::printf(
      "     \"pageable_memory_access\": %d, \"uses_host_page_tables\": %d, \"pci_bus_id\": \"%04x:%02x:%02x\"}%s\n",
      p.pageableMemoryAccess, p.pageableMemoryAccessUsesHostPageTables, p.pciDomainID, p.pciBusID, p.pciDeviceID,
      last ? "" : ",");
}

}  // namespace

Presence presence() {
  int devices = 0, driver = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  cudaDriverGetVersion(&driver);
  if (error == cudaErrorInsufficientDriver && driver > 0) return Presence::old_driver;
  const bool none = error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver;
  if (none || (error == cudaSuccess && devices == 0)) return Presence::none;
  return error == cudaSuccess ? Presence::gpu : Presence::broken;
}

int list_gpus() {
  int devices = 0, driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess) return fail("cudaGetDeviceCount", error);
  std::printf("{\"schema\": \"kvplan.gpu/1\", \"status\": \"ok\", \"driver\": %d, \"runtime\": %d, \"gpus\": [\n",
              driver, runtime);
  for (int device = 0; device < devices; ++device) {
    cudaDeviceProp properties;
    const cudaError_t got = cudaGetDeviceProperties(&properties, device);
    if (got != cudaSuccess) return fail("cudaGetDeviceProperties", got);
    print_device(device, properties, device + 1 == devices);
  }
  std::puts("]}");
  return kDone;
}

}  // namespace kvplan::gpu

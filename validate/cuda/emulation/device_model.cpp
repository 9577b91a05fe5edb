// The part of the CUDA runtime that kvplan-gpu uses, on a DeviceModel.
#include "validate/cuda/emulation/device_model.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "validate/cuda/device/host_clock.hpp"
#include "validate/cuda/emulation/math.hpp"

namespace kvplan::gpu {
namespace {

constexpr double kCallNs = 1500;
constexpr std::size_t kMemoryBytes = std::size_t{80} << 30;

struct ModelStream {
  double at_ns = 0;
};
struct ModelEvent {
  double at_ns = 0;
};

ModelStream& stream_of(cudaStream_t s) {
  static ModelStream legacy;
  return s == nullptr || s == cudaStreamLegacy ? legacy : *reinterpret_cast<ModelStream*>(s);
}
ModelEvent& event_of(cudaEvent_t e) { return *reinterpret_cast<ModelEvent*>(e); }

std::mutex& guard() {
  static std::mutex mutex;
  return mutex;
}

// What was allocated as device memory, by its first byte.
std::map<const char*, std::size_t>& device_memory() {
  static std::map<const char*, std::size_t> memory;
  return memory;
}
std::size_t allocated = 0;

bool on_device(const void* p) {
  auto at = device_memory().upper_bound(static_cast<const char*>(p));
  if (at == device_memory().begin()) return false;
  --at;
  return static_cast<const char*>(p) < at->first + at->second;
}

cudaError_t allocate(void** p, std::size_t bytes, bool device) {
  const std::lock_guard lock(guard());
  const std::size_t limit = DeviceModel::get().has_fault("little_memory") ? std::size_t{4} << 30 : kMemoryBytes;
  if (device && allocated + bytes > limit) return cudaErrorMemoryAllocation;
  *p = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (*p == nullptr) return cudaErrorMemoryAllocation;
  if (device) {
    device_memory()[static_cast<const char*>(*p)] = bytes;
    allocated += bytes;
  }
  return cudaSuccess;
}

cudaError_t release(void* p) {
  const std::lock_guard lock(guard());
  const auto at = device_memory().find(static_cast<const char*>(p));
  if (at != device_memory().end()) {
    allocated -= at->second;
    device_memory().erase(at);
  }
  std::free(p);
  return cudaSuccess;
}

Engine engine_for(const void* to, const void* from) {
  if (on_device(to) == on_device(from)) return Engine::processors;
  return on_device(to) ? Engine::load : Engine::store;
}

}  // namespace

DeviceModel::DeviceModel() {
  const char* fault = std::getenv("KVPLAN_EMULATED_FAULT");
  fault_ = fault == nullptr ? "" : fault;
  computes_ = std::getenv("KVPLAN_EMULATED_MATH") != nullptr;
  copies_contents_ = std::getenv("KVPLAN_EMULATED_CONTENTS") == nullptr;
  if (has_fault("late_mask")) seed_late_mask();
}

const void* DeviceModel::source_of(const void* from, Engine engine) {
  constexpr int kFaulty = 7;  // some way into a run
  const void* source = from;
  if (engine == Engine::store && has_fault("lost_store") && ++copies_ % kFaulty == 0) source = nullptr;
  if (engine == Engine::load && has_fault("mixed_up_load") && ++copies_ == kFaulty) source = last_source_;
  last_source_ = from;
  return source;
}

DeviceModel& DeviceModel::get() {
  static DeviceModel model;
  return model;
}

void DeviceModel::occupy(cudaStream_t stream, Engine engine, double ns) {
  ModelStream& s = stream_of(stream);
  add_time_for_files();
  if (!held_) {
    host_ns += kCallNs;
    s.at_ns = std::max(s.at_ns, host_ns);
  }
  if (engine == Engine::none) {
    s.at_ns += ns;
    return;
  }
  double& free_at = free_at_[static_cast<int>(engine)];
  s.at_ns = free_at = std::max(s.at_ns, free_at) + ns;
}

cudaError_t DeviceModel::launch(cudaStream_t stream, double ns) {
  if (has_fault("lost") && ++launches_ > 1000) return cudaErrorIllegalAddress;
  occupy(stream, Engine::processors, ns);
  return cudaSuccess;
}

std::int64_t host_now_ns() {
  DeviceModel::get().add_time_for_files();
  return static_cast<std::int64_t>(DeviceModel::get().host_ns += 30);
}
void host_wait_ns(std::int64_t ns) { DeviceModel::get().host_ns += static_cast<double>(ns); }

double transfer_ns(double bytes) { return 1900 + bytes / 52.0; }

}  // namespace kvplan::gpu

using namespace kvplan::gpu;

extern "C" {

cudaError_t cudaGetDeviceCount(int* n) {
  return *n = 1, DeviceModel::get().has_fault("old_driver") ? cudaErrorInsufficientDriver : cudaSuccess;
}
cudaError_t cudaGetDevice(int* d) { return *d = 0, cudaSuccess; }
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaDriverGetVersion(int* v) {
  return *v = DeviceModel::get().has_fault("old_driver") ? CUDART_VERSION - 1000 : CUDART_VERSION, cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* v) { return *v = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorString(cudaError_t e) {
  return e == cudaErrorMemoryAllocation ? "out of memory" : "emulated failure";
}
const char* cudaGetErrorName(cudaError_t e) {
  return e == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaErrorIllegalAddress";
}
cudaError_t cudaDeviceGetPCIBusId(char* text, int, int) { return std::strcpy(text, "0000:00:00.0"), cudaSuccess; }
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
  *value = which == cudaDevAttrMultiProcessorCount ? 132 : which == cudaDevAttrAsyncEngineCount ? 3 : 1;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int) {
  *p = {};
  std::strcpy(p->name, "Formula GPU (no H100)");
  if (DeviceModel::get().has_fault("slice")) std::strcpy(p->name, "Formula GPU MIG 1g.10gb");
  p->major = DeviceModel::get().has_fault("old_gpu") ? 7 : 9;
  p->multiProcessorCount = 132;
  p->totalGlobalMem = kMemoryBytes;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = DeviceModel::get().has_fault("little_memory") ? std::size_t{4} << 30 : kMemoryBytes;
  *free = *total - allocated;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** p, std::size_t bytes) { return allocate(p, bytes, true); }
cudaError_t cudaMallocManaged(void** p, std::size_t bytes, unsigned) { return allocate(p, bytes, true); }
cudaError_t cudaHostAlloc(void** p, std::size_t bytes, unsigned) { return allocate(p, bytes, false); }
cudaError_t cudaFree(void* p) { return release(p); }
cudaError_t cudaFreeHost(void* p) { return release(p); }
cudaError_t cudaHostRegister(void*, std::size_t, unsigned) { return cudaSuccess; }
cudaError_t cudaHostUnregister(void*) { return cudaSuccess; }

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* s, unsigned) {
  return *s = reinterpret_cast<cudaStream_t>(new ModelStream), cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t s) { return delete reinterpret_cast<ModelStream*>(s), cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t s) {
  DeviceModel::get().host_ns = std::max(DeviceModel::get().host_ns, stream_of(s).at_ns);
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  DeviceModel& m = DeviceModel::get();
  m.release();
  m.occupy(nullptr, Engine::none, 0);
  for (const Engine e : {Engine::load, Engine::store, Engine::processors}) {
    m.occupy(nullptr, e, 0);
    m.host_ns = std::max(m.host_ns, stream_of(nullptr).at_ns);
  }
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned) {
  stream_of(s).at_ns = std::max(stream_of(s).at_ns, event_of(e).at_ns);
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* e, unsigned) {
  return *e = reinterpret_cast<cudaEvent_t>(new ModelEvent), cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t e) { return delete reinterpret_cast<ModelEvent*>(e), cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s) {
  DeviceModel::get().occupy(s, Engine::none, 0);
  return event_of(e).at_ns = stream_of(s).at_ns, cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t e) {
  double& now = DeviceModel::get().host_ns;
  if (event_of(e).at_ns <= now) return cudaSuccess;
  now = std::min(event_of(e).at_ns, now + kCallNs / 3);
  return cudaErrorNotReady;
}
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t a, cudaEvent_t b) {
  return *ms = static_cast<float>((event_of(b).at_ns - event_of(a).at_ns) * 1e-6), cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t s) {
  const std::lock_guard lock(guard());
  const Engine engine = engine_for(to, from);
  const double amount = static_cast<double>(bytes);
  DeviceModel::get().occupy(s, engine, engine == Engine::processors ? 1500 + amount / 1400 : transfer_ns(amount));
  if (kind == cudaMemcpyDefault) {
    if (!DeviceModel::get().copies_contents()) return cudaSuccess;
    from = DeviceModel::get().source_of(from, engine);
  }
  if (to != from && from != nullptr) std::memmove(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return cudaMemcpyAsync(to, from, bytes, kind, nullptr);
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind, cudaStream_t s) {
  DeviceModel::get().occupy(s, engine_for(to, from), transfer_ns(static_cast<double>(width * height)));
  for (std::size_t row = 0; row < height; ++row) {
    std::memcpy(static_cast<char*>(to) + row * to_pitch, static_cast<const char*>(from) + row * from_pitch, width);
  }
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t s) {
  DeviceModel::get().occupy(s, Engine::processors, 1500 + static_cast<double>(bytes) / 2500);
  if (DeviceModel::get().copies_contents()) std::memset(to, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemset(void* to, int value, std::size_t bytes) { return cudaMemsetAsync(to, value, bytes, nullptr); }

#if CUDART_VERSION >= 13000
cudaError_t cudaMemcpyBatchAsync(void* const* to, const void* const* from, const std::size_t* bytes, std::size_t count,
                                 cudaMemcpyAttributes*, std::size_t*, std::size_t, cudaStream_t s) {
  double ns = 0;  // of one call for all
  for (std::size_t i = 0; i < count; ++i) {
    ns += 400 + static_cast<double>(bytes[i]) / 52;
    if (DeviceModel::get().copies_contents()) std::memcpy(to[i], from[i], bytes[i]);
  }
  DeviceModel::get().occupy(s, engine_for(to[0], from[0]), ns);
  return cudaSuccess;
}
cudaError_t cudaMemPrefetchAsync(const void*, std::size_t bytes, cudaMemLocation where, unsigned, cudaStream_t s) {
  const bool in = where.type == cudaMemLocationTypeDevice;
  DeviceModel::get().occupy(s, in ? Engine::load : Engine::store, transfer_ns(static_cast<double>(bytes)) * 1.5);
  return cudaSuccess;
}
#endif

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) { return cudaSuccess; }
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t*) { return cudaSuccess; }
cudaError_t cudaGraphInstantiate(cudaGraphExec_t*, cudaGraph_t, unsigned long long) { return cudaSuccess; }
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t s) { return DeviceModel::get().launch(s, 32 * 1500); }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t) { return cudaSuccess; }
cudaError_t cudaGraphDestroy(cudaGraph_t) { return cudaSuccess; }

}  // extern "C"

// CUDA calls that throw, and owners of what they allocate.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

namespace kvplan::gpu {

// Names file, line, call and meaning. Fatal: the context is lost, and no further call can succeed.
class CudaError : public std::runtime_error {
 public:
  CudaError(cudaError_t code, const char* call, const char* file, int line);
  cudaError_t code() const { return code_; }
  bool fatal() const;

 private:
  cudaError_t code_;
};

inline void check(cudaError_t code, const char* call, const char* file, int line) {
  if (code != cudaSuccess) throw CudaError(code, call, file, line);
}
#define KVPLAN_CUDA(call) ::kvplan::gpu::check((call), #call, __FILE__, __LINE__)

enum class Memory { device, pinned, managed };

// Bytes on the GPU, pinned on the host (mapped, so that kernels can read and write them in place), or managed.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Memory memory, std::size_t bytes);
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  std::size_t bytes() const { return bytes_; }
  char* data() const { return static_cast<char*>(data_); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  Memory memory_ = Memory::device;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// A device copy of host values, there when this returns: a copy from memory that is not pinned may return before its
// last bytes have arrived, and streams of ours do not wait for the legacy default stream that it runs on.
template <class Container>
Buffer upload(const Container& values) {
  Buffer buffer(Memory::device, std::max<std::size_t>(1, values.size()) * sizeof(values[0]));
  KVPLAN_CUDA(cudaMemcpy(buffer.data(), values.data(), values.size() * sizeof(values[0]), cudaMemcpyHostToDevice));
  KVPLAN_CUDA(cudaStreamSynchronize(cudaStreamLegacy));
  return buffer;
}

// Does not wait for the legacy default stream.
class Stream {
 public:
  Stream() { KVPLAN_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return stream_; }
  void wait() const { KVPLAN_CUDA(cudaStreamSynchronize(stream_)); }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  explicit Event(bool timed = true) {
    KVPLAN_CUDA(cudaEventCreateWithFlags(&event_, timed ? cudaEventDefault : cudaEventDisableTiming));
  }
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event&&) = delete;
  ~Event() {
    if (event_ != nullptr) cudaEventDestroy(event_);
  }
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

// What is enqueued on `to` from here on starts after what is on `from` up to here.
void follow(cudaStream_t from, cudaStream_t to);

}  // namespace kvplan::gpu

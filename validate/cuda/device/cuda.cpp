#include "validate/cuda/device/cuda.hpp"

namespace kvplan::gpu {
namespace {

// The build's own path in front of "validate/" says nothing to a reader.
std::string within_project(const std::string& file) {
  const std::size_t at = file.rfind("validate/");
  return at == std::string::npos ? file : file.substr(at);
}

std::string meaning(cudaError_t code) {
  switch (code) {
    case cudaErrorMemoryAllocation:
      return "; too little memory is free for what this experiment needs";
    case cudaErrorInsufficientDriver:
      return "; the driver is older than this program's CUDA";
    case cudaErrorNoKernelImageForDevice:
      return "; built for another architecture: set CMAKE_CUDA_ARCHITECTURES";
    case cudaErrorDevicesUnavailable:
      return "; another process has the GPU to itself";
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
      return "; a kernel failed: run `kvplan-gpu selftest` under compute-sanitizer";
    case cudaErrorECCUncorrectable:
      return "; the GPU's memory is faulty";
    default:
      return "";
  }
}

}  // namespace

CudaError::CudaError(cudaError_t code, const char* call, const char* file, int line)
    : std::runtime_error(within_project(file) + ":" + std::to_string(line) + ": " + call + ": " +
                         cudaGetErrorString(code) + " (" + cudaGetErrorName(code) + ")" + meaning(code)),
      code_(code) {}

bool CudaError::fatal() const {
  switch (code_) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorMisalignedAddress:
    case cudaErrorIllegalInstruction:
    case cudaErrorHardwareStackError:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
      return true;
    default:
      return false;
  }
}

Buffer::Buffer(Memory memory, std::size_t bytes) : memory_(memory), bytes_(bytes) {
  switch (memory) {
    case Memory::device:
      KVPLAN_CUDA(cudaMalloc(&data_, bytes));
      break;
    case Memory::pinned:
      KVPLAN_CUDA(cudaHostAlloc(&data_, bytes, cudaHostAllocPortable | cudaHostAllocMapped));
      break;
    case Memory::managed:
      KVPLAN_CUDA(cudaMallocManaged(&data_, bytes, cudaMemAttachGlobal));
      break;
  }
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Buffer::~Buffer() {
  if (data_ == nullptr) return;
  memory_ == Memory::pinned ? cudaFreeHost(data_) : cudaFree(data_);
}

void follow(cudaStream_t from, cudaStream_t to) {
  const Event here(false);
  KVPLAN_CUDA(cudaEventRecord(here, from));
  KVPLAN_CUDA(cudaStreamWaitEvent(to, here, 0));
}

}  // namespace kvplan::gpu

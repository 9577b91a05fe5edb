// A GPU that is a formula: streams and copy engines with clocks of their own, so
// that all of kvplan-gpu but its kernels runs where there is no GPU. Copies and
// checked contents are real; every other kernel only takes time. Its runs are
// labelled synthetic: they prove the program, and say nothing of any GPU.
//
// KVPLAN_EMULATED_MATH=yes makes the kernels compute as well, by their own bodies
// (emulation/math.hpp), for models small enough. KVPLAN_EMULATED_CONTENTS=no leaves
// out what large models would copy.
//
// KVPLAN_EMULATED_FAULT makes it fail: "little_memory", "old_driver", "old_gpu",
// "slice" (a part of a GPU), "wrong_bytes" (our copy
// kernel skips a segment), "lost" (an illegal address after a thousand launches),
// what NVML would tell of a busy or hot GPU (emulation/nvml.cpp), what disks do
// (emulation/file_access.cpp), and what an engine on it must notice: "lost_store" (one in seven copies to the host
// never happens), "mixed_up_load" (one copy to the GPU takes the source of the one before it), "late_mask" (tokens see
// the next one).
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kvplan::gpu {

enum class Engine { load, store, processors, none };

class DeviceModel {
 public:
  static DeviceModel& get();

  // Time that `ns` of work on an engine takes its place in a stream; the engine does one thing at a time.
  void occupy(cudaStream_t stream, Engine engine, double ns);
  // A launch of a kernel, which may meet the seeded fault.
  cudaError_t launch(cudaStream_t stream, double ns);
  // From here to the next wait the host's own time does not count: the streams are held by a latch.
  void hold() { held_ = true; }
  void release() { held_ = false; }
  bool computes() const { return computes_; }
  bool copies_contents() const { return copies_contents_; }
  // The source of a copy between host and GPU that is asked for by cudaMemcpyDefault: null where it gets lost.
  const void* source_of(const void* from, Engine engine);
  bool has_fault(std::string_view fault) const { return fault_ == fault; }

  double host_ns = 0;
  // Files are real; the time that reading and writing them takes by this clock, told by the threads that do it.
  void take_time_for_files(std::size_t bytes) { file_bytes_ += static_cast<std::int64_t>(bytes); }
  void add_time_for_files() { host_ns += static_cast<double>(file_bytes_.exchange(0)) / kFileBytesPerNs; }

 private:
  static constexpr double kFileBytesPerNs = 2;
  std::atomic<std::int64_t> file_bytes_{0};

  DeviceModel();
  double free_at_[3] = {};
  bool held_ = false;
  int launches_ = 0, copies_ = 0;
  const void* last_source_ = nullptr;
  bool computes_ = false, copies_contents_ = true;
  std::string_view fault_;
};

double transfer_ns(double bytes);  // over the link

}  // namespace kvplan::gpu

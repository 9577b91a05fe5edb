// Files are real; KVPLAN_EMULATED_FAULT "lost_write" leaves one piece in three as it was, "bad_disk" fails the tenth
// read.
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "validate/cuda/device/scratch_file.hpp"
#include "validate/cuda/emulation/device_model.hpp"

namespace kvplan::gpu {

bool read_piece(int file, void* to, std::size_t bytes, std::int64_t at) {
  static std::atomic<int> reads{0};
  if (DeviceModel::get().has_fault("bad_disk") && ++reads == 10) return errno = EIO, false;
  DeviceModel::get().take_time_for_files(bytes);
  return pread(file, to, bytes, static_cast<off_t>(at)) == static_cast<ssize_t>(bytes);
}

bool write_piece(int file, const void* from, std::size_t bytes, std::int64_t at) {
  static std::atomic<int> writes{0};
  const bool lost = DeviceModel::get().has_fault("lost_write") && ++writes % 3 == 0;
  const std::int64_t to = lost ? at + static_cast<std::int64_t>(bytes) : at;
  DeviceModel::get().take_time_for_files(bytes);
  return pwrite(file, from, bytes, static_cast<off_t>(to)) == static_cast<ssize_t>(bytes);
}

}  // namespace kvplan::gpu

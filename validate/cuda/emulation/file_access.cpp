// Files are real; KVPLAN_EMULATED_FAULT "lost_write" writes each block where the next one belongs, "bad_disk" fails
// every read.
#include <unistd.h>

#include <cerrno>

#include "validate/cuda/device/scratch_file.hpp"
#include "validate/cuda/emulation/device_model.hpp"

namespace kvplan::gpu {

int file_threads() { return 0; }

bool read_piece(int file, void* to, std::size_t bytes, std::int64_t at) {
  if (DeviceModel::get().has_fault("bad_disk")) return errno = EIO, false;
  DeviceModel::get().take_time_for_files(bytes);
  if (!DeviceModel::get().copies_contents()) return true;
  return pread(file, to, bytes, static_cast<off_t>(at)) == static_cast<ssize_t>(bytes);
}

bool write_piece(int file, const void* from, std::size_t bytes, std::int64_t at) {
  const std::int64_t to = DeviceModel::get().has_fault("lost_write") ? at + static_cast<std::int64_t>(bytes) : at;
  DeviceModel::get().take_time_for_files(bytes);
  if (!DeviceModel::get().copies_contents()) return true;
  return pwrite(file, from, bytes, static_cast<off_t>(to)) == static_cast<ssize_t>(bytes);
}

}  // namespace kvplan::gpu

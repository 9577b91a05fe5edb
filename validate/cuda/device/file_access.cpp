#include <unistd.h>

#include <cerrno>

#include "validate/cuda/device/scratch_file.hpp"

namespace kvplan::gpu {
namespace {

bool whole(ssize_t done, std::size_t bytes) {
  if (done >= 0 && done != static_cast<ssize_t>(bytes)) errno = EIO;  // cut short: the file or the disk has ended
  return done == static_cast<ssize_t>(bytes);
}

}  // namespace

int file_threads() { return 16; }

bool read_piece(int file, void* to, std::size_t bytes, std::int64_t at) {
  return whole(pread(file, to, bytes, static_cast<off_t>(at)), bytes);
}

bool write_piece(int file, const void* from, std::size_t bytes, std::int64_t at) {
  return whole(pwrite(file, from, bytes, static_cast<off_t>(at)), bytes);
}

}  // namespace kvplan::gpu

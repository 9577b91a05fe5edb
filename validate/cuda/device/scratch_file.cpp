#include "validate/cuda/device/scratch_file.hpp"

#include <fcntl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace kvplan::gpu {

std::string scratch_folder() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr ? folder : "/var/tmp";
}

ScratchFile::ScratchFile(const std::string& folder, bool direct) {
  std::string name = folder + "/kvplan-gpu-XXXXXX";
  const int plain = mkstemp(name.data());
  error_ = errno;
  if (plain < 0) return;
  close(plain);
  file_ = open(name.c_str(), O_RDWR | (direct ? O_DIRECT : 0));
  error_ = errno;
  unlink(name.c_str());
}

ScratchFile::~ScratchFile() {
  if (file_ >= 0) close(file_);
}

std::string ScratchFile::why() const { return std::strerror(error_); }

std::int64_t ScratchFile::file_system_type() const {
  struct statfs system {};
  fstatfs(file_, &system);
  return static_cast<std::int64_t>(system.f_type);
}

std::int64_t ScratchFile::free_bytes(const std::string& folder) {
  struct statfs system {};
  if (statfs(folder.c_str(), &system) != 0) return 0;
  return static_cast<std::int64_t>(system.f_bavail) * static_cast<std::int64_t>(system.f_bsize);
}

}  // namespace kvplan::gpu

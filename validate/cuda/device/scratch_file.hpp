// A file without a name, for measuring and for the engine's file tier.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace kvplan::gpu {

// $TMPDIR, or /var/tmp.
std::string scratch_folder();

class ScratchFile {
 public:
  // In `folder`; direct: past the page cache. Not good() where the file system does not allow that.
  ScratchFile(const std::string& folder, bool direct);
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  bool good() const { return file_ >= 0; }
  int descriptor() const { return file_; }
  std::string why() const;                // it is not good
  std::int64_t file_system_type() const;  // as statfs tells it
  static std::int64_t free_bytes(const std::string& folder);

 private:
  int file_ = -1;
  int error_ = 0;
};

// Threads that read or write beside the caller; 0: it does so itself, as on an emulated device, whose clock is its own.
int file_threads();

// Read or write a piece whole; false with errno where that failed. emulation/file_access.cpp has them with faults.
bool read_piece(int file, void* to, std::size_t bytes, std::int64_t at);
bool write_piece(int file, const void* from, std::size_t bytes, std::int64_t at);

}  // namespace kvplan::gpu

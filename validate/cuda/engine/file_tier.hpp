// The engine's tier in files: one file with a slot for each block, read and written
// by threads beside the engine, past the page cache where the file system allows it.
// One read and one write are under way at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "validate/cuda/device/scratch_file.hpp"

namespace kvplan::gpu {

// A read or write failed.
struct FileTierError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct FilePiece {
  char* memory = nullptr;
  std::int32_t slot = 0;
};

class FileTier {
 public:
  // Throws FileTierError where the folder takes no file.
  FileTier(const std::string& folder, std::size_t slot_bytes);

  bool direct() const { return direct_; }
  void read(std::vector<FilePiece> pieces) { reading_.start(*this, std::move(pieces), false); }
  void write(std::vector<FilePiece> pieces) { writing_.start(*this, std::move(pieces), true); }
  // Throws FileTierError where a piece has failed.
  bool read_ended() { return reading_.ended(); }
  bool write_ended() { return writing_.ended(); }

 private:
  class Job {
   public:
    ~Job() { join(); }
    void start(const FileTier& tier, std::vector<FilePiece> pieces, bool write);
    bool ended();

   private:
    void join();
    void work(int file, std::size_t bytes);

    bool write_ = false;
    std::vector<FilePiece> pieces_;
    std::vector<std::thread> threads_;
    std::atomic<std::size_t> next_{0}, left_{0};
    std::atomic<int> error_{0};
  };

  std::size_t slot_bytes_;
  bool direct_;
  ScratchFile file_;
  Job reading_, writing_;
};

}  // namespace kvplan::gpu

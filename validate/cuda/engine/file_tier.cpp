#include "validate/cuda/engine/file_tier.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace kvplan::gpu {
namespace {

constexpr std::size_t kSector = 4096;  // what direct access wants sizes and addresses to be multiples of

bool takes_direct(const std::string& folder, std::size_t slot_bytes) {
  return slot_bytes % kSector == 0 && ScratchFile(folder, true).good();
}

}  // namespace

FileTier::FileTier(const std::string& folder, std::size_t slot_bytes)
    : slot_bytes_(slot_bytes), direct_(takes_direct(folder, slot_bytes)), file_(folder, direct_) {
  if (!file_.good()) throw FileTierError("no file for the file tier in " + folder + ": " + file_.why());
}

void FileTier::Job::start(const FileTier& tier, std::vector<FilePiece> pieces, bool write) {
  write_ = write;
  pieces_ = std::move(pieces);
  next_ = 0;
  left_ = pieces_.size();
  const int file = tier.file_.descriptor();
  const std::size_t bytes = tier.slot_bytes_;
  const std::size_t threads = std::min(static_cast<std::size_t>(file_threads()), pieces_.size());
  for (std::size_t t = 0; t < threads; ++t) threads_.emplace_back([this, file, bytes] { work(file, bytes); });
  if (threads == 0) work(file, bytes);
}

void FileTier::Job::work(int file, std::size_t bytes) {
  for (std::size_t i = next_++; i < pieces_.size(); i = next_++) {
    const FilePiece& p = pieces_[i];
    const std::int64_t at = p.slot * static_cast<std::int64_t>(bytes);
    const bool good = write_ ? write_piece(file, p.memory, bytes, at) : read_piece(file, p.memory, bytes, at);
    if (!good) error_ = errno;
    --left_;
  }
}

bool FileTier::Job::ended() {
  if (left_ > 0) return false;
  join();
  if (const int error = error_.exchange(0)) {
    throw FileTierError(std::string(write_ ? "writing" : "reading") + " the file tier failed: " + std::strerror(error));
  }
  return true;
}

void FileTier::Job::join() {
  for (std::thread& t : threads_) t.join();
  threads_.clear();
}

}  // namespace kvplan::gpu

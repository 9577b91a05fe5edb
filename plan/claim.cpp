#include "plan/claim.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.hpp"

namespace kvplan {

std::optional<Claim> Claim::attempt(const std::string& path) {
  for (;;) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) {
      throw InputError(Diagnostic{path, 0, 0, std::string("cannot be made: ") + std::strerror(errno),
                                  "name a folder that can be written to with --out"});
    }
    Claim claim(path, descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(std::exchange(claim.descriptor_, -1));  // the file is the holder's to remove
      return std::nullopt;
    }
    // The holder before may have removed the file after it was opened here: then somebody else can make it anew.
    struct stat status {};
    if (::fstat(descriptor, &status) == 0 && status.st_nlink > 0) return claim;
    ::close(std::exchange(claim.descriptor_, -1));
  }
}

Claim::Claim(Claim&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

Claim::~Claim() {
  if (descriptor_ < 0) return;
  ::unlink(path_.c_str());  // while the lock is held
  ::close(descriptor_);
}

}  // namespace kvplan

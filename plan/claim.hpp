// The right to work at something, held by one process of one or many machines:
// an advisory lock on a file, which the system takes back from a process that
// dies, kill -9 included. Nobody has to judge whether a claim is stale.
//
// Claims only save double work. Where a file system has no locks they are
// granted to all, and results stay whole: files are renamed into place, and
// the same point gives the same bytes.
#pragma once

#include <optional>
#include <string>

namespace kvplan {

class Claim {
 public:
  // Nothing when somebody else holds it. InputError: the file cannot be made.
  static std::optional<Claim> attempt(const std::string& path);

  Claim(Claim&& other) noexcept;
  Claim& operator=(Claim&&) = delete;
  ~Claim();  // removes the file

 private:
  Claim(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::string path_;
  int descriptor_;  // -1: moved from
};

}  // namespace kvplan

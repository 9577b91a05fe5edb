#include "reports/write.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>

#include "base/destination.hpp"
#include "base/error.hpp"

namespace kvplan {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw InputError(Diagnostic{path, 0, 0, fmt::format("cannot be written: {}", why),
                              "name a folder that can be written to with --out"});
}

// On any failure errno says why.
bool write_all(std::FILE* file, std::string_view text, Flush flush) {
  if (!file) return false;
  bool good = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  good = std::fflush(file) == 0 && good;
  if (flush == Flush::disk) good = ::fsync(::fileno(file)) == 0 && good;
  const int reason = errno;
  good = std::fclose(file) == 0 && good;
  if (!good) errno = reason;
  return good;
}

}  // namespace

void write_file(const std::string& path, std::string_view text, Flush flush) {
  namespace fs = std::filesystem;
  std::error_code error;
  const Destination to = destination_of(path);
  if (to.in_place) {
    if (!write_all(std::fopen(path.c_str(), "wb"), text, Flush::none)) fail(path, std::strerror(errno));
    return;
  }
  const fs::path folder = fs::path(to.path).parent_path();
  if (!folder.empty()) fs::create_directories(folder, error);
  if (error) fail(path, error.message());
  // A name that no other process has or had: ids of processes repeat, on other machines and after a restart.
  std::random_device random;
  const std::string temporary = fmt::format("{}.{}.{:08x}{:08x}.tmp", to.path, ::getpid(), random(), random());
  if (!write_all(std::fopen(temporary.c_str(), "wbx"), text, flush)) {
    const std::string why = std::strerror(errno);
    std::remove(temporary.c_str());
    fail(path, why);
  }
  fs::rename(temporary, to.path, error);
  if (error) {
    std::remove(temporary.c_str());
    fail(path, error.message());
  }
}

}  // namespace kvplan

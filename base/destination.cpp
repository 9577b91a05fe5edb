#include "base/destination.hpp"

#include <filesystem>

namespace kvplan {

namespace fs = std::filesystem;

Destination destination_of(const std::string& path) {
  constexpr int kMostLinks = 40;  // as Linux follows
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) return {path, true};
  fs::path place = path;
  for (int links = 0; links < kMostLinks && fs::is_symlink(fs::symlink_status(place, error)); ++links) {
    const fs::path named = fs::read_symlink(place, error);
    if (error) break;
    place = place.parent_path() / named;
  }
  return {place.string(), false};
}

}  // namespace kvplan

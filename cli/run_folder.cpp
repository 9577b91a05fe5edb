#include "cli/run_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/error.hpp"

namespace kvplan {

namespace fs = std::filesystem;

std::string run_folder(const std::string& path) {
  const auto keeps_run = [](const fs::path& folder) { return fs::exists(folder / "requests.jsonl"); };
  fs::path folder = path;
  if (fs::is_regular_file(folder)) folder = folder.has_parent_path() ? folder.parent_path() : fs::path(".");
  if (keeps_run(folder)) return folder.string();
  if (!fs::is_directory(folder))
    throw InputError(Diagnostic{path, 0, 0, "is no folder of results", "`kvplan run --out DIR` writes one"});
  std::vector<std::string> inside;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && keeps_run(entry.path())) inside.push_back(entry.path().string());
  }
  std::sort(inside.begin(), inside.end());
  if (inside.empty()) {
    throw InputError(Diagnostic{path, 0, 0, "holds no requests.jsonl, so no run to look into",
                                "`kvplan run --out DIR` writes one; sweeps and plans keep only results"});
  }
  throw InputError(Diagnostic{path, 0, 0, "holds several runs", fmt::format("name one: {}", fmt::join(inside, ", "))});
}

std::string combination_folder(std::string combination) {
  std::replace(combination.begin(), combination.end(), ' ', '-');
  std::replace(combination.begin(), combination.end(), '/', '_');
  return combination;
}

}  // namespace kvplan

#include "cli/compiled_loads.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "base/build_id.hpp"
#include "base/checksum.hpp"
#include "base/json_text.hpp"
#include "traces/load.hpp"
#include "traces/workload_file.hpp"

namespace kvplan {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKept = 16;
constexpr std::int64_t kLeastBytes = 1 << 20;
constexpr const char* kExtension = ".workload";

// "" for no cache. The superuser can write anywhere; a folder that is meant not to be written shows by its mode.
fs::path folder_for(const std::string& trace) {
  const char* set = std::getenv("KVPLAN_CACHE");
  if (set && *set) return std::string(set) == "off" ? "" : set;
  const fs::path parent = fs::path(trace).parent_path(), beside = parent.empty() ? "." : parent;
  std::error_code error;
  constexpr auto kAnyWrite = fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write;
  const bool writable = (fs::status(beside, error).permissions() & kAnyWrite) != fs::perms::none;
  return writable && ::access(beside.c_str(), W_OK) == 0 ? beside / ".kvplan" : "";
}

// Of the checksums of its parts; "" when it cannot be read.
std::string checksum_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string part(std::size_t{1} << 18, '\0'), sums;  // small: start-up pays for each page of it
  while (in.read(part.data(), static_cast<std::streamsize>(part.size())), in.gcount() > 0) {
    sums += checksum_hex(std::string_view(part).substr(0, static_cast<std::size_t>(in.gcount())));
  }
  return in.eof() && !sums.empty() ? checksum_hex(sums) : "";
}

// "" when it cannot be told what the load follows from.
std::string key_of(const std::string& trace, const nlohmann::ordered_json& options) {
  const std::vector<std::string> files = files_of_trace(trace);
  const std::string build = build_id();
  if (files.empty() || build.empty()) return "";
  nlohmann::ordered_json all = {{"build", build}, {"name", checksum_hex(fs::path(trace).filename().string())}, {"options", options}};
  for (const std::string& file : files) {
    const std::string sum = checksum_of_file(file);
    if (sum.empty()) return "";
    all["files"].push_back(sum);
  }
  return checksum_hex(json_text(all));
}

void forget_the_oldest(const fs::path& folder) {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == kExtension) files.emplace_back(entry.last_write_time(error), entry.path());
  }
  std::sort(files.rbegin(), files.rend());
  for (std::size_t i = kKept; i < files.size(); ++i) fs::remove(files[i].second, error);
}

// Whole, under its name, or not at all; a disk that is full is no reason to stop.
void keep(const fs::path& file, const Workload& load, const std::string& key) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  std::random_device random;
  const fs::path temporary = fmt::format("{}.{}.{:08x}.tmp", file.string(), ::getpid(), random());
  std::ofstream out(temporary, std::ios::binary);
  write_workload(out, load, key);
  out.close();
  if (out) fs::rename(temporary, file, error);
  fs::remove(temporary, error);
  forget_the_oldest(file.parent_path());
}

}  // namespace

Workload compiled_load(const std::string& trace, const nlohmann::ordered_json& options,
                       const std::function<Workload()>& make, std::ostream& err) {
  const fs::path folder = folder_for(trace);
  const std::string key = folder.empty() ? "" : key_of(trace, options);
  if (key.empty()) return make();
  const fs::path file = folder / (key + kExtension);
  if (std::ifstream in(file, std::ios::binary); in) {
    try {
      Workload load = read_workload(in, key);
      std::error_code error;
      fs::last_write_time(file, fs::file_time_type::clock::now(), error);
      return load;
    } catch (const std::exception& e) {
      err << fmt::format("note: {} is damaged ({}): the trace is compiled again\n", file.string(), e.what());
    }
  }
  Workload load = make();
  if (bytes_of(load) >= kLeastBytes) keep(file, load, key);
  return load;
}

}  // namespace kvplan

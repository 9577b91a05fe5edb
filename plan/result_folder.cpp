#include "plan/result_folder.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/error.hpp"
#include "base/json_text.hpp"
#include "base/sha256.hpp"
#include "reports/write.hpp"

namespace kvplan {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kIdSize = 64;

Json head_of(const std::string& id, const std::string& record) {
  return {{"schema", kPointSchema}, {"id", id}, {"sha256", sha256_hex(record)}};
}

}  // namespace

std::string point_id(const Json& scenario, const Json& inputs, const Json& tool) {
  return sha256_hex(json_text(Json{{"scenario", scenario}, {"inputs", inputs}, {"tool", tool}}));
}

std::string ResultFolder::point_path(const std::string& id) const { return path_ + "/points/" + id + ".jsonl"; }

void ResultFolder::prepare() const {
  std::error_code error;
  const std::string points = path_ + "/points";
  fs::create_directories(points, error);
  if (error) {
    throw InputError(Diagnostic{points, 0, 0, "cannot be made: " + error.message(),
                                "name a folder that can be written to with --out"});
  }
  // A temporary or a lock whose point nobody holds belongs to a process that is gone.
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(points)) {
    const std::string extension = entry.path().extension();
    if (extension == ".tmp" || extension == ".lock") left.push_back(entry.path());
  }
  for (const fs::path& file : left) {
    if (const auto held = claim(file.filename().string().substr(0, kIdSize))) fs::remove(file, error);
  }
}

std::optional<Json> ResultFolder::read(const std::string& id) const {
  std::ifstream file(point_path(id), std::ios::binary);
  std::string head, record, rest;
  if (!std::getline(file, head) || !std::getline(file, record) || file.eof() || std::getline(file, rest)) {
    return std::nullopt;
  }
  if (Json::parse(head, nullptr, false) != head_of(id, record)) return std::nullopt;
  return Json::parse(record);
}

void ResultFolder::write(const std::string& id, const Json& record) const {
  const std::string line = json_text(record);
  write_file(point_path(id), json_text(head_of(id, line)) + "\n" + line + "\n", Flush::none);  // the digest tells
}

std::optional<Claim> ResultFolder::claim(const std::string& id) const {
  return Claim::attempt(path_ + "/points/" + id + ".lock");
}

std::optional<Claim> ResultFolder::claim_manifest() const { return Claim::attempt(manifest_path() + ".lock"); }

}  // namespace kvplan

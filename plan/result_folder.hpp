// The folder of a sweep:
//
//   sweep.json            the plan (plan/manifest.hpp)
//   points/ID.jsonl       one file a finished point
//
// ID is the SHA-256 of everything that the result follows from (point_id). A
// file has two lines: {schema, id, sha256 of the second line}, and the record.
// It counts only if it is whole and its digest matches; anything else is as
// good as absent, and done again. Files appear by rename, so that a reader
// never meets half of one.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "plan/claim.hpp"

namespace kvplan {

using Json = nlohmann::ordered_json;

inline constexpr const char* kPointSchema = "kvplan.point/1";

// Scenario, contents of the files that it names, and the tool that reads them.
std::string point_id(const Json& scenario, const Json& inputs, const Json& tool);

class ResultFolder {
 public:
  explicit ResultFolder(std::string path) : path_(std::move(path)) {}

  std::string manifest_path() const { return path_ + "/sweep.json"; }
  const std::string& path() const { return path_; }

  // Makes the folders; removes what killed processes left behind. InputError when they cannot be written.
  void prepare() const;

  std::optional<Json> read(const std::string& id) const;
  void write(const std::string& id, const Json& record) const;  // InputError
  std::optional<Claim> claim(const std::string& id) const;      // InputError
  std::optional<Claim> claim_manifest() const;

 private:
  std::string point_path(const std::string& id) const;
  std::string path_;
};

}  // namespace kvplan

// JSON with comments, read so that every error names its line and column, and
// all errors of a file are told at once.
//
//   JsonFile file = JsonFile::load("scenario.json");
//   JsonFindings findings;
//   JsonReader root(file, findings);
//   auto tp = root.integer("tp", 1, 64, 1);      // optional: has a default
//   auto name = root.string("model");            // required
//   JsonReader engine = root.object("engine");   // missing: an empty object
//   root.no_other_keys();                        // unknown keys, with did-you-mean
//   findings.raise();                            // InputError if anything was found
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace kvplan {

struct JsonPosition {
  std::int64_t line = 0;
  std::int64_t column = 0;
  auto operator<=>(const JsonPosition&) const = default;
};

struct JsonPositions {
  std::map<std::string, JsonPosition> values;  // by JSON pointer
  std::map<std::string, JsonPosition> keys;
};

class JsonFile {
 public:
  static JsonFile load(const std::string& path);
  static JsonFile parse(std::string text, const std::string& name);

  const std::string& name() const { return name_; }
  const nlohmann::json& root() const { return root_; }
  // A finding at the value that the JSON pointer ("/engine/max_num_seqs") names, or at its key.
  Diagnostic at(const std::string& pointer, std::string message, std::string help = "") const;
  Diagnostic at_key(const std::string& pointer, std::string message, std::string help = "") const;
  // Where the key of a member begins; {0, 0} for a pointer that names no member.
  JsonPosition key_position(const std::string& pointer) const;

 private:
  // Of all keys and values. Only who has something to say about one asks, and then the text is read once more.
  const JsonPositions& positions() const;

  std::string name_, text_;
  nlohmann::json root_;
  mutable std::shared_ptr<const JsonPositions> positions_;
};

// Whether a name on the command line means a JSON file: it has a '/' or ends in ".json".
bool is_json_path(std::string_view text);

// One more step of a JSON pointer: "/a" and "b/c" give "/a/b~1c".
std::string pointer_to(const std::string& parent, const std::string& key);

class JsonFindings {
 public:
  void add(Diagnostic d) { findings_.push_back(std::move(d)); }
  bool empty() const { return findings_.empty(); }
  void raise() const;  // in order of line

 private:
  std::vector<Diagnostic> findings_;
};

// A cursor over one object. Every getter notes its key as known; on a wrong
// type or range it adds a finding and returns the default (or the range's low end).
class JsonReader {
 public:
  JsonReader(const JsonFile& file, JsonFindings& findings);

  bool has(const std::string& key) const;
  std::string string(const std::string& key, std::optional<std::string> fallback = std::nullopt);
  std::string one_of(const std::string& key, const std::vector<std::string>& allowed,
                     std::optional<std::string> fallback = std::nullopt);
  double number(const std::string& key, double low, double high, std::optional<double> fallback = std::nullopt);
  std::int64_t integer(const std::string& key, std::int64_t low, std::int64_t high,
                       std::optional<std::int64_t> fallback = std::nullopt);
  bool boolean(const std::string& key, std::optional<bool> fallback = std::nullopt);
  JsonReader object(const std::string& key, bool required = false);
  std::vector<JsonReader> objects(const std::string& key, bool required = false);  // an array of objects
  std::vector<std::string> strings(const std::string& key, bool required = false);
  std::vector<std::string> keys() const;  // of this object, in file order where known
  void no_other_keys();
  // A finding at `key` ("" for this object itself).
  void fail(const std::string& key, std::string message, std::string help = "");

 private:
  JsonReader(const JsonFile& file, JsonFindings& findings, std::string pointer, const nlohmann::json* value);
  const nlohmann::json* find(const std::string& key, bool required);

  const JsonFile* file_;
  JsonFindings* findings_;
  std::string pointer_;
  const nlohmann::json* value_;  // an object, or null when it was missing
  std::set<std::string> known_;
};

}  // namespace kvplan

// A scenario: a value for every option, and the layer that set it. Layers lie
// over one another in this order: built-in, file, --set, flag; within a layer
// the last wins.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json_file.hpp"

namespace kvplan {

class Scenario {
 public:
  Scenario();  // every option at its built-in value

  // All wrong and unknown keys of the file at once (InputError). The scenario is
  // the whole file, or the object in it that the JSON pointer names.
  void apply(const JsonFile& file, const std::string& pointer = "");
  // "engine.max_num_seqs=64"; origin as --print-config shows it. UsageError.
  void assign(const std::string& assignment, const std::string& origin);
  void assign(const std::string& path, const std::string& text, const std::string& origin);

  // `accepted` as accept() (options.hpp) returns it.
  void assign(const std::string& path, nlohmann::json accepted, const std::string& origin, JsonPosition position);

  // By path; the path must stand in the table, and has() must hold for what has no built-in value.
  bool has(const std::string& path) const { return !value(path).is_null(); }
  std::string text(const std::string& path) const { return value(path).get<std::string>(); }
  std::vector<std::string> texts(const std::string& path) const { return value(path).get<std::vector<std::string>>(); }
  std::int64_t integer(const std::string& path) const { return value(path).get<std::int64_t>(); }
  double number(const std::string& path) const { return value(path).get<double>(); }
  bool boolean(const std::string& path) const { return value(path).get<bool>(); }
  bool is_built_in(const std::string& path) const;  // nothing has set it
  const std::string& origin(const std::string& path) const;
  void forget_origins();
  // A finding about the value of an option, at the place that set it.
  Diagnostic finding(const std::string& path, std::string message, std::string help = "") const;

  // The same scenario with one value of an option of type texts.
  Scenario with(const std::string& path, const std::string& only) const;

  // Nested as in a file, in the order of the table, without what has no value.
  nlohmann::ordered_json merged() const;

 private:
  struct Setting {
    nlohmann::json value;
    std::string origin;
    JsonPosition position;  // in the file that is the origin
  };
  const nlohmann::json& value(const std::string& path) const;

  std::map<std::string, Setting> settings_;
};

// One line an option: value, unit and origin.
std::string print_config(const Scenario&);

}  // namespace kvplan

// Checks a document against the part of JSON Schema that kvplan's schemas use.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

namespace kvplan {

class SchemaCheck {
 public:
  explicit SchemaCheck(nlohmann::json schema) : root_(std::move(schema)) {}

  std::vector<std::string> problems(const nlohmann::json& document) {
    found_.clear();
    check(root_, document, "");
    return found_;
  }

 private:
  using json = nlohmann::json;

  static bool is_a(const json& v, const std::string& type) {
    if (type == "null") return v.is_null();
    if (type == "integer") return v.is_number_integer();
    if (type == "number") return v.is_number();
    if (type == "string") return v.is_string();
    if (type == "boolean") return v.is_boolean();
    return type == "array" ? v.is_array() : v.is_object();
  }

  void expect(bool good, const std::string& at, const std::string& what) {
    if (!good) found_.push_back((at.empty() ? "/" : at) + ": " + what);
  }

  void check(const json& schema, const json& v, const std::string& at) {
    if (schema.contains("$ref")) {
      return check(root_.at(json::json_pointer(schema["$ref"].get<std::string>().substr(1))), v, at);
    }
    if (schema.contains("anyOf")) {
      const auto fits = [&](const json& option) { return SchemaCheck(option).problems(v).empty(); };
      expect(std::any_of(schema["anyOf"].begin(), schema["anyOf"].end(), fits), at, "anyOf " + v.dump());
    }
    if (schema.contains("type")) {
      const json types = schema["type"].is_array() ? schema["type"] : json::array({schema["type"]});
      expect(std::any_of(types.begin(), types.end(), [&](const json& t) { return is_a(v, t); }), at,
             "type " + v.dump());
    }
    if (schema.contains("const")) expect(v == schema["const"], at, "const " + v.dump());
    if (schema.contains("enum")) {
      expect(std::find(schema["enum"].begin(), schema["enum"].end(), v) != schema["enum"].end(), at,
             "enum " + v.dump());
    }
    if (schema.contains("minimum") && v.is_number()) {
      expect(v.get<double>() >= schema["minimum"].get<double>(), at, "minimum " + v.dump());
    }
    if (schema.contains("maximum") && v.is_number()) {
      expect(v.get<double>() <= schema["maximum"].get<double>(), at, "maximum " + v.dump());
    }
    if (schema.contains("pattern") && v.is_string()) {
      expect(std::regex_search(v.get<std::string>(), std::regex(schema["pattern"].get<std::string>())), at,
             "pattern " + v.dump());
    }
    if (schema.contains("items") && v.is_array()) {
      for (std::size_t i = 0; i < v.size(); ++i) check(schema["items"], v[i], at + "/" + std::to_string(i));
    }
    if (v.is_object()) check_object(schema, v, at);
  }

  void check_object(const json& schema, const json& v, const std::string& at) {
    for (const json& key : schema.value("required", json::array())) {
      expect(v.contains(key.get<std::string>()), at, "misses " + key.dump());
    }
    if (!schema.contains("properties")) return;
    for (const auto& [key, member] : v.items()) {
      const bool known = schema["properties"].contains(key);
      expect(known || schema.value("additionalProperties", true), at, "unknown " + key);
      if (known) check(schema["properties"][key], member, at + "/" + key);
    }
  }

  json root_;
  std::vector<std::string> found_;
};

}  // namespace kvplan

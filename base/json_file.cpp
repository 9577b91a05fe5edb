#include "base/json_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/file.hpp"
#include "base/json_parse.hpp"
#include "base/json_text.hpp"

namespace kvplan {
namespace {

constexpr std::int64_t kMaxJsonBytes = 256 << 20;
constexpr double kMaxExactInteger = 9007199254740992.0;  // 2^53: beyond it a double skips integers

// What the user wrote, short enough for a message.
std::string shown(const nlohmann::json& v) {
  if (v.is_object()) return "an object";
  if (v.is_array()) return "an array";
  std::string text = json_text(v);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

std::string range(double low, double high) {
  if (std::isinf(high)) return std::isinf(low) ? "any finite number" : fmt::format("at least {}", low);
  if (std::isinf(low)) return fmt::format("at most {}", high);
  return fmt::format("{} to {}", low, high);
}

}  // namespace

bool is_json_path(std::string_view text) {
  constexpr std::string_view kSuffix = ".json";
  if (text.find('/') != std::string_view::npos) return true;
  return text.size() > kSuffix.size() && text.substr(text.size() - kSuffix.size()) == kSuffix;
}

std::string pointer_to(const std::string& parent, const std::string& key) {
  std::string pointer = parent + "/";
  for (const char c : key) {
    if (c == '~')
      pointer += "~0";
    else if (c == '/')
      pointer += "~1";
    else
      pointer += c;
  }
  return pointer;
}

JsonFile JsonFile::load(const std::string& path) { return parse(read_text_file(path, kMaxJsonBytes), path); }

JsonFile JsonFile::parse(std::string text, const std::string& name) {
  JsonFile file;
  file.name_ = name;
  file.text_ = std::move(text);
  file.root_ = parse_json(file.text_, name, false).root;
  return file;
}

const JsonPositions& JsonFile::positions() const {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  if (!positions_) positions_ = std::make_shared<JsonPositions>(parse_json(text_, name_, true).positions);
  return *positions_;
}

Diagnostic JsonFile::at(const std::string& pointer, std::string message, std::string help) const {
  const auto p = positions().values.find(pointer);
  const JsonPosition where = p == positions().values.end() ? JsonPosition{} : p->second;
  return {name_, where.line, where.column, std::move(message), std::move(help)};
}

Diagnostic JsonFile::at_key(const std::string& pointer, std::string message, std::string help) const {
  const JsonPosition where = key_position(pointer);
  return {name_, where.line, where.column, std::move(message), std::move(help)};
}

JsonPosition JsonFile::key_position(const std::string& pointer) const {
  const auto p = positions().keys.find(pointer);
  return p == positions().keys.end() ? JsonPosition{} : p->second;
}

void JsonFindings::raise() const {
  if (findings_.empty()) return;
  std::vector<Diagnostic> ordered = findings_;
  std::stable_sort(ordered.begin(), ordered.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  throw InputError(std::move(ordered));
}

JsonReader::JsonReader(const JsonFile& file, JsonFindings& findings)
    : JsonReader(file, findings, "", file.root().is_object() ? &file.root() : nullptr) {
  if (value_ == nullptr) fail("", fmt::format("expected an object, not {}", shown(file.root())));
}

JsonReader::JsonReader(const JsonFile& file, JsonFindings& findings, std::string pointer, const nlohmann::json* value)
    : file_(&file), findings_(&findings), pointer_(std::move(pointer)), value_(value) {}

bool JsonReader::has(const std::string& key) const { return value_ != nullptr && value_->contains(key); }

const nlohmann::json* JsonReader::find(const std::string& key, bool required) {
  known_.insert(key);
  if (has(key)) return &(*value_)[key];
  if (required && value_ != nullptr) fail("", fmt::format("\"{}\" is missing", key), "the object that begins here needs it");
  return nullptr;
}

std::string JsonReader::string(const std::string& key, std::optional<std::string> fallback) {
  const nlohmann::json* v = find(key, !fallback);
  if (v != nullptr && v->is_string()) return v->get<std::string>();
  if (v != nullptr) fail(key, fmt::format("\"{}\" is {}, expected a string", key, shown(*v)));
  return fallback.value_or("");
}

std::string JsonReader::one_of(const std::string& key, const std::vector<std::string>& allowed,
                               std::optional<std::string> fallback) {
  const std::string otherwise = fallback.value_or(allowed.front());
  const nlohmann::json* v = find(key, !fallback);
  if (v == nullptr) return otherwise;
  const std::string expected = fmt::format("one of {}", fmt::join(allowed, ", "));
  if (!v->is_string()) {
    fail(key, fmt::format("\"{}\" is {}, expected {}", key, shown(*v), expected));
    return otherwise;
  }
  const std::string text = v->get<std::string>();
  if (std::find(allowed.begin(), allowed.end(), text) != allowed.end()) return text;
  fail(key, fmt::format("\"{}\" is \"{}\", expected {}", key, text, expected), suggestion(text, allowed));
  return otherwise;
}

double JsonReader::number(const std::string& key, double low, double high, std::optional<double> fallback) {
  const double otherwise = fallback.value_or(std::isfinite(low) ? low : 0);
  const nlohmann::json* v = find(key, !fallback);
  if (v == nullptr) return otherwise;
  if (v->is_number()) {
    const double x = v->get<double>();
    if (std::isfinite(x) && x >= low && x <= high) return x;
  }
  fail(key, fmt::format("\"{}\" is {}, expected a number, {}", key, shown(*v), range(low, high)));
  return otherwise;
}

std::int64_t JsonReader::integer(const std::string& key, std::int64_t low, std::int64_t high,
                                 std::optional<std::int64_t> fallback) {
  const nlohmann::json* v = find(key, !fallback);
  if (v == nullptr) return fallback.value_or(low);
  high = std::min(high, static_cast<std::int64_t>(kMaxExactInteger));
  if (v->is_number()) {
    // 8192.0 and 1e6 are integers to a person; beyond 2^53 a double no longer says which.
    const double x = v->get<double>();
    if (std::isfinite(x) && std::abs(x) <= kMaxExactInteger && x == std::floor(x)) {
      const auto n = v->is_number_float() ? static_cast<std::int64_t>(x) : v->get<std::int64_t>();
      if (n >= low && n <= high) return n;
    }
  }
  fail(key, fmt::format("\"{}\" is {}, expected an integer, {} to {}", key, shown(*v), low, high));
  return fallback.value_or(low);
}

bool JsonReader::boolean(const std::string& key, std::optional<bool> fallback) {
  const nlohmann::json* v = find(key, !fallback);
  if (v != nullptr && v->is_boolean()) return v->get<bool>();
  if (v != nullptr) fail(key, fmt::format("\"{}\" is {}, expected true or false", key, shown(*v)));
  return fallback.value_or(false);
}

JsonReader JsonReader::object(const std::string& key, bool required) {
  const nlohmann::json* v = find(key, required);
  if (v != nullptr && !v->is_object()) {
    fail(key, fmt::format("\"{}\" is {}, expected an object", key, shown(*v)));
    v = nullptr;
  }
  return JsonReader(*file_, *findings_, pointer_to(pointer_, key), v);
}

std::vector<JsonReader> JsonReader::objects(const std::string& key, bool required) {
  std::vector<JsonReader> readers;
  const nlohmann::json* v = find(key, required);
  if (v == nullptr) return readers;
  if (!v->is_array()) {
    fail(key, fmt::format("\"{}\" is {}, expected an array of objects", key, shown(*v)));
    return readers;
  }
  const std::string pointer = pointer_to(pointer_, key);
  for (std::size_t i = 0; i < v->size(); ++i) {
    const std::string element = pointer_to(pointer, std::to_string(i));
    if ((*v)[i].is_object()) {
      readers.push_back(JsonReader(*file_, *findings_, element, &(*v)[i]));
    } else {
      findings_->add(file_->at(element, fmt::format("\"{}\"[{}] is {}, expected an object", key, i, shown((*v)[i]))));
    }
  }
  return readers;
}

std::vector<std::string> JsonReader::strings(const std::string& key, bool required) {
  std::vector<std::string> texts;
  const nlohmann::json* v = find(key, required);
  if (v == nullptr) return texts;
  if (!v->is_array()) {
    fail(key, fmt::format("\"{}\" is {}, expected an array of strings", key, shown(*v)));
    return texts;
  }
  const std::string pointer = pointer_to(pointer_, key);
  for (std::size_t i = 0; i < v->size(); ++i) {
    if ((*v)[i].is_string()) {
      texts.push_back((*v)[i].get<std::string>());
    } else {
      findings_->add(file_->at(pointer_to(pointer, std::to_string(i)),
                               fmt::format("\"{}\"[{}] is {}, expected a string", key, i, shown((*v)[i]))));
    }
  }
  return texts;
}

std::vector<std::string> JsonReader::keys() const {
  std::vector<std::string> names;
  if (value_ == nullptr) return names;
  for (const auto& member : value_->items()) names.push_back(member.key());
  const auto position = [&](const std::string& key) { return file_->key_position(pointer_to(pointer_, key)); };
  std::stable_sort(names.begin(), names.end(), [&](auto& a, auto& b) { return position(a) < position(b); });
  return names;
}

void JsonReader::no_other_keys() {
  if (value_ == nullptr) return;
  const std::vector<std::string> expected(known_.begin(), known_.end());
  for (const auto& member : value_->items()) {
    const std::string& key = member.key();
    if (known_.count(key) > 0) continue;
    findings_->add(
        file_->at_key(pointer_to(pointer_, key), fmt::format("unknown key \"{}\"", key), suggestion(key, expected)));
  }
}

void JsonReader::fail(const std::string& key, std::string message, std::string help) {
  // A missing object stands where its nearest parent stands.
  std::string pointer = key.empty() ? pointer_ : pointer_to(pointer_, key);
  Diagnostic d = file_->at(pointer, message, help);
  while (d.line == 0 && !pointer.empty()) {
    pointer.erase(pointer.rfind('/'));
    d = file_->at(pointer, message, help);
  }
  findings_->add(std::move(d));
}

}  // namespace kvplan

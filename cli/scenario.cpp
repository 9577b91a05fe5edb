#include "cli/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/json_text.hpp"
#include "cli/options.hpp"

namespace kvplan {
namespace {

using nlohmann::json;

constexpr const char* kBuiltIn = "built-in";

std::string pointer_key(std::string key) {
  std::string out;
  for (const char c : key) out += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  return out;
}

bool is_group(const std::string& path) {
  const auto& table = option_table();
  return std::any_of(table.begin(), table.end(), [&](const Option& o) { return o.path.rfind(path + ".", 0) == 0; });
}

std::string first_option_of(const std::string& group) {
  const auto& table = option_table();
  const auto it =
      std::find_if(table.begin(), table.end(), [&](const Option& o) { return o.path.starts_with(group + "."); });
  KVPLAN_ASSERT(it != table.end());
  return it->path.substr(group.size() + 1);
}

// Walks a file's tree down to options; what is neither an option nor a group of them is unknown.
class FileWalk {
 public:
  FileWalk(const JsonFile& file, JsonFindings& findings) : file_(file), findings_(findings) {}

  void group(const json& object, const std::string& pointer, const std::string& prefix) {
    for (const auto& [key, value] : object.items()) member(prefix + key, value, pointer + "/" + pointer_key(key));
  }

  struct Accepted {
    std::string path;
    json value;
    JsonPosition position;
  };
  std::vector<Accepted> accepted;

 private:
  void member(const std::string& path, const json& value, const std::string& pointer) {
    if (const Option* option = find_option(path)) {
      if (auto good = accept(*option, value)) {
        const Diagnostic here = file_.at(pointer, "");
        accepted.push_back({path, std::move(*good), {here.line, here.column}});
      } else {
        const Diagnostic why = refusal(*option, value);
        findings_.add(file_.at(pointer, why.message, why.help));
      }
    } else if (!is_group(path)) {
      findings_.add(file_.at_key(pointer, fmt::format("unknown key \"{}\"", path), suggest_option(path)));
    } else if (!value.is_object()) {
      findings_.add(file_.at(pointer, fmt::format("{} must be an object, not {}", path, json_text(value)),
                             fmt::format("it holds options, as in {{\"{}\": ...}}; leave it out to keep all as they are",
                                         first_option_of(path))));
    } else {
      group(value, pointer, path + ".");
    }
  }

  const JsonFile& file_;
  JsonFindings& findings_;
};

}  // namespace

Scenario::Scenario() {
  for (const Option& o : option_table()) settings_[o.path] = {o.fallback, kBuiltIn, {}};
}

void Scenario::apply(const JsonFile& file, const std::string& pointer) {
  JsonFindings findings;
  FileWalk walk(file, findings);
  const json& root = file.root().at(json::json_pointer(pointer));
  if (root.is_object()) {
    walk.group(root, pointer, "");
  } else {
    findings.add(file.at(pointer, "a scenario must be a JSON object", "`kvplan schema scenario` describes it"));
  }
  findings.raise();
  for (auto& [path, good, position] : walk.accepted) settings_[path] = {std::move(good), file.name(), position};
}

void Scenario::assign(const std::string& assignment, const std::string& origin) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError(fmt::format("--set needs path=value, not \"{}\"", assignment),
                     "for example --set engine.max_num_seqs=64");
  }
  assign(assignment.substr(0, equals), assignment.substr(equals + 1), origin);
}

void Scenario::assign(const std::string& path, const std::string& text, const std::string& origin) {
  const Option* option = find_option(path);
  if (!option) throw UsageError(fmt::format("{}: unknown option \"{}\"", origin, path), suggest_option(path));
  auto good = accept_text(*option, text);
  if (!good) {
    const Diagnostic why = refusal(*option, json(text));
    throw UsageError(fmt::format("{}: {}", origin, why.message), why.help);
  }
  settings_[path] = {std::move(*good), origin, {}};
}

void Scenario::assign(const std::string& path, json accepted, const std::string& origin, JsonPosition position) {
  settings_.at(path) = {std::move(accepted), origin, position};
}

const json& Scenario::value(const std::string& path) const {
  const auto it = settings_.find(path);
  KVPLAN_ASSERT(it != settings_.end());
  return it->second.value;
}

const std::string& Scenario::origin(const std::string& path) const {
  const auto it = settings_.find(path);
  KVPLAN_ASSERT(it != settings_.end());
  return it->second.origin;
}

bool Scenario::is_built_in(const std::string& path) const { return origin(path) == kBuiltIn; }

void Scenario::forget_origins() {
  for (auto& [path, setting] : settings_) setting.origin.clear(), setting.position = {};
}

Diagnostic Scenario::finding(const std::string& path, std::string message, std::string help) const {
  const auto it = settings_.find(path);
  KVPLAN_ASSERT(it != settings_.end());
  const JsonPosition at = it->second.position;
  return {it->second.origin, at.line, at.column, std::move(message), std::move(help)};
}

Scenario Scenario::with(const std::string& path, const std::string& only) const {
  Scenario copy = *this;
  copy.settings_.at(path).value = json::array({only});
  return copy;
}

nlohmann::ordered_json Scenario::merged() const {
  nlohmann::ordered_json root = nlohmann::ordered_json::object();
  for (const Option& o : option_table()) {
    const json& v = value(o.path);
    if (v.is_null()) continue;
    std::string pointer = "/" + o.path;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    root[nlohmann::ordered_json::json_pointer(pointer)] = v;
  }
  return root;
}

std::string print_config(const Scenario& scenario) {
  const nlohmann::ordered_json merged = scenario.merged();
  std::string out;
  for (const Option& o : option_table()) {
    std::string value = o.fallback_text;
    if (scenario.has(o.path)) {
      std::string pointer = "/" + o.path;
      std::replace(pointer.begin(), pointer.end(), '.', '/');
      value = json_text(merged.at(nlohmann::ordered_json::json_pointer(pointer)));
      if (!o.unit.empty()) value += " " + o.unit;
    }
    out += fmt::format("{:<32} {:<34} {}\n", o.path, value, scenario.origin(o.path));
  }
  return out;
}

}  // namespace kvplan

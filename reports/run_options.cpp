#include "reports/run_options.hpp"

#include <algorithm>
#include <set>

#include "base/json_text.hpp"

namespace kvplan {
namespace {

// "/offload/mode/0" is "offload.mode": a run has one value of what a scenario may list.
std::string name_of(std::string pointer) {
  pointer.erase(0, 1);
  std::replace(pointer.begin(), pointer.end(), '/', '.');
  return pointer.ends_with(".0") ? pointer.substr(0, pointer.size() - 2) : pointer;
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : json_text(value); }

}  // namespace

RunOptions options_of(const Json& result) {
  RunOptions options;
  if (result.is_null() || !result["provenance"].contains("scenario")) return options;
  const Json flat = result["provenance"]["scenario"].flatten();
  for (const auto& [pointer, value] : flat.items()) options[name_of(pointer)] = text_of(value);
  return options;
}

RunOptions load_of(const Json& result) {
  RunOptions load;
  for (auto& [name, value] : options_of(result)) {
    if (name.starts_with("trace.") && name != "trace.path") load[name] = value;
  }
  if (result.is_null()) return load;
  const Json& p = result["provenance"];
  if (p.contains("seed")) load["seed"] = text_of(p["seed"]);
  if (p.contains("trace") && p["trace"].contains("sha256")) load["trace"] = text_of(p["trace"]["sha256"]);
  return load;
}

std::vector<std::string> differing(const std::vector<const RunOptions*>& all) {
  std::set<std::string> names;
  for (const RunOptions* options : all) {
    for (const auto& [name, value] : *options) {
      const auto first = all.front()->find(name);
      if (first == all.front()->end() || first->second != value) names.insert(name);
    }
    for (const auto& [name, value] : *all.front()) {
      if (!options->contains(name)) names.insert(name);
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace kvplan

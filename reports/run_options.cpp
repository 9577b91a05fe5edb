#include "reports/run_options.hpp"

#include <algorithm>
#include <set>

#include "base/json_text.hpp"
#include "reports/idle_load.hpp"

namespace kvplan {
namespace {

// "/offload/mode/0" is "offload.mode": a run has one value of what a scenario may list.
std::string name_of(std::string pointer) {
  pointer.erase(0, 1);
  std::replace(pointer.begin(), pointer.end(), '/', '.');
  return pointer.ends_with(".0") ? pointer.substr(0, pointer.size() - 2) : pointer;
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : json_text(value); }

// Whatever draws by the seed says so in a note on the trace; who kept no notes may have drawn.
bool may_be_drawn(const Json& provenance) {
  const Json::json_pointer at("/trace/notes");
  if (!provenance.contains(at)) return true;
  const Json& notes = provenance.at(at);
  return std::any_of(notes.begin(), notes.end(), [](const Json& note) {
    return note["what"].get<std::string>().find(", seed ") != std::string::npos;
  });
}

}  // namespace

RunOptions options_of(const Json& result) {
  RunOptions options;
  if (result.is_null() || !result["provenance"].contains("scenario")) return options;
  const Json flat = result["provenance"]["scenario"].flatten();
  for (const auto& [pointer, value] : flat.items()) options[name_of(pointer)] = text_of(value);
  return options;
}

RunOptions options_and_trace_of(const Json& result) {
  RunOptions options = options_of(result);
  options.erase("trace.path");
  if (result.is_null()) return options;
  const Json& p = result["provenance"];
  if (p.contains("trace") && p["trace"].contains("sha256")) options["trace"] = text_of(p["trace"]["sha256"]);
  return options;
}

RunOptions load_of(const Json& result) {
  RunOptions load = options_and_trace_of(result);
  std::erase_if(load, [](const auto& o) { return o.first != "trace" && !o.first.starts_with("trace."); });
  if (result.is_null()) return load;
  const Json& p = result["provenance"];
  if (p.contains("seed") && may_be_drawn(p)) load["seed"] = text_of(p["seed"]);
  const auto chosen = [&](const char* name, const char* built_in) {
    const auto at = load.find(name);
    return at == load.end() ? std::string(built_in) : at->second;
  };
  const std::string arrivals = chosen("trace.arrivals", "recorded"), profile = chosen("trace.profile", "constant");
  for (const IdleOptions& group : idle_in_load(arrivals, profile, load.contains("trace.users"))) {
    if (!group.idle) continue;
    for (const std::string& path : group.paths) load.erase(path);
  }
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

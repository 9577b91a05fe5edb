#include "cli/sweep_file.hpp"

#include "cli/presets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>

#include "base/file.hpp"
#include "base/json_text.hpp"
#include "base/sha256.hpp"
#include "cli/options.hpp"
#include "cli/version.hpp"
#include "hardware/hardware.hpp"
#include "models/architecture.hpp"
#include "plan/design.hpp"

namespace kvplan {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// A name that stands for a file or a shipped one has to lead to it.
void resolve(const std::string& path, const std::string& name) {
  if (path == "hardware") load_hardware(name);
  if (path == "model") load_architecture(name);
  if (path != "trace.path") return;
  if (name == "-") {
    throw InputError(Diagnostic{"", 0, 0, "standard input cannot be swept over", "save the trace to a file"});
  }
  open_text_file(name);
}

json accept_value(const std::string& path, const json& value, std::vector<Diagnostic>& wrong) {
  const Option& option = *find_option(path);
  const std::optional<json> good = accept(option, value);
  if (!good) {
    wrong.push_back(refusal(option, value));
    return nullptr;
  }
  if (option.type == OptionType::texts && good->size() > 1) {
    wrong.push_back({"", 0, 0, fmt::format("a point has one {}, not {}", path, good->dump()),
                     "write its values side by side: [\"a\", \"b\"], not [[\"a\", \"b\"]]"});
  } else if (good->is_string() || good->is_array()) {
    try {
      resolve(path, good->is_array() ? good->at(0).get<std::string>() : good->get<std::string>());
    } catch (const InputError& e) {
      wrong.insert(wrong.end(), e.findings().begin(), e.findings().end());
    }
  }
  return good->is_array() ? good->at(0) : *good;
}

void add_all(JsonFindings& findings, const InputError& e) {
  for (const Diagnostic& d : e.findings()) findings.add(d);
}

// The files that points name, each read once.
class Inputs {
 public:
  struct File {
    std::string sha256;  // of its text, uncompressed
    double lines = 0;
  };

  const File* find(const std::string& name) {
    auto [it, first] = files_.try_emplace(name);
    std::error_code error;
    if (first && fs::is_regular_file(name, error)) {
      const std::string text = read_text_file(name);
      it->second = File{sha256_hex(text), static_cast<double>(std::count(text.begin(), text.end(), '\n'))};
    }
    return it->second ? &*it->second : nullptr;
  }

  // Of every text of a scenario that names a file: {name: sha256}.
  Json of(const Scenario& s) {
    Json found = Json::object();
    for (const Option& o : option_table()) {
      const bool names = (o.type == OptionType::text || o.type == OptionType::texts) && o.choices.empty();
      if (!names || !s.has(o.path)) continue;
      for (const std::string& name : o.type == OptionType::text ? std::vector{s.text(o.path)} : s.texts(o.path)) {
        if (const File* file = find(name)) found[name] = file->sha256;
      }
    }
    if (!s.has("fleet.also")) return found;
    std::istringstream words(s.text("fleet.also"));  // hardware among them
    for (std::string word; words >> word;) {
      if (const File* file = find(word)) found[word] = file->sha256;
    }
    return found;
  }

  Json all() const {
    Json found = Json::object();
    for (const auto& [name, file] : files_) {
      if (file) found[name] = file->sha256;
    }
    return found;
  }

 private:
  std::map<std::string, std::optional<File>> files_;
};

// In turns of a plain replay. Measured on the Mooncake trace: an offload tier doubles the time, a router
// that looks at every replica adds to it with their number, stepping and auditing take far longer.
double cost_of(const Scenario& s, Inputs& inputs) {
  constexpr double kUnknownTurns = 1e4;
  const Inputs::File* trace = s.has("trace.path") ? inputs.find(s.text("trace.path")) : nullptr;
  double turns = trace ? trace->lines : kUnknownTurns;
  if (s.has("trace.limit")) turns = std::min(turns, static_cast<double>(s.integer("trace.limit")));
  double each = s.texts("offload.mode").at(0) == "none" ? 1 : 2;
  if (s.text("router.policy") != "round-robin") each *= 1 + static_cast<double>(s.integer("replicas")) / 16;
  if (s.boolean("engine.step_by_step")) each *= 20;
  if (s.boolean("engine.check")) each *= 20;
  return turns * each;
}

// Everything that load_trace reads.
std::string load_of(const Json& scenario) { return json_text(Json{scenario.value("trace", Json()), scenario["seed"]}); }

void number_points(SweepFile& sweep, const Design& design) {
  Inputs inputs;
  SweepPlan& plan = sweep.plan;
  plan.tool = {{"name", "kvplan"}, {"version", version()}, {"git_commit", git_commit()}};
  plan.base = sweep.base.merged();
  for (std::int64_t i = 0; i < design.size(); ++i) {
    SweepPoint point{i, "", design.values(i), "", 1};
    const Scenario s = sweep.scenario(point);
    const Json merged = s.merged();
    point.id = point_id(merged, inputs.of(s), plan.tool);
    point.group = load_of(merged);
    point.cost = cost_of(s, inputs);
    plan.points.push_back(std::move(point));
  }
  plan.inputs = inputs.all();
}

}  // namespace

Vocabulary scenario_vocabulary() {
  const auto kind = [](const std::string& path) -> std::optional<ValueKind> {
    const Option* option = find_option(path);
    if (!option) return std::nullopt;
    if (option->type == OptionType::number) return ValueKind::number;
    const bool integer = option->type == OptionType::integer || option->type == OptionType::bytes;
    return integer ? ValueKind::integer : ValueKind::other;
  };
  return {kind, suggest_option, accept_value};
}

Scenario read_base(const JsonFile& file, JsonFindings& findings) {
  Scenario base;
  if (!file.root().contains("base")) return base;
  const json& value = file.root()["base"];
  try {
    if (value.is_string()) {
      base.apply(JsonFile::load((fs::path(file.name()).parent_path() / value.get<std::string>()).string()));
    } else {
      base.apply(file, "/base");
    }
  } catch (const InputError& e) {
    add_all(findings, e);
  }
  return base;
}

void check_base(const Scenario& base, const std::vector<std::string>& varied, JsonFindings& findings) {
  for (const Option& o : option_table()) {
    const bool textual = o.type == OptionType::text || o.type == OptionType::texts;
    if (!textual || !base.has(o.path) || std::find(varied.begin(), varied.end(), o.path) != varied.end()) continue;
    const json value = o.type == OptionType::texts ? json(base.texts(o.path)) : json(base.text(o.path));
    std::vector<Diagnostic> wrong;
    if (value.is_array() && value.size() > 1) {
      wrong.push_back({"", 0, 0, fmt::format("a point has one {}, and the base has {}", o.path, value.size()),
                       fmt::format("vary it: \"grid\": {{\"{}\": {}}}", o.path, json_text(value))});
    } else {
      accept_value(o.path, value, wrong);
    }
    for (Diagnostic& d : wrong) findings.add(d.file.empty() ? base.finding(o.path, d.message, d.help) : std::move(d));
  }
}

Scenario SweepFile::scenario(const SweepPoint& point) const {
  Scenario s = base;
  for (const auto& [path, value] : point.values.items()) s.assign(path, *accept(*find_option(path), value), "", {});
  apply_preset(s);
  return s;
}

SweepFile read_sweep(const std::string& path) {
  const JsonFile file = JsonFile::load(path);
  JsonFindings findings;
  JsonReader root(file, findings);
  findings.raise();  // not an object
  for (const std::string& key : root.keys()) {
    if (key == "base" || key == "vary") continue;
    const std::string near = nearest(key, {"base", "vary"});
    findings.add(file.at_key(
        pointer_to("", key), fmt::format("unknown key \"{}\"", key),
        near.empty() ? "options of the scenario stand inside of \"base\"" : fmt::format("did you mean \"{}\"?", near)));
  }
  SweepFile sweep;
  sweep.base = read_base(file, findings);
  if (!file.root().contains("vary")) {
    findings.add(file.at("", "\"vary\" is missing", "for example \"vary\": {\"grid\": {\"replicas\": [1, 2, 4]}}"));
    findings.raise();
  }
  const Design design(file, "/vary", scenario_vocabulary(), findings);
  check_base(sweep.base, design.paths(), findings);
  findings.raise();
  sweep.base.forget_origins();
  number_points(sweep, design);
  return sweep;
}

}  // namespace kvplan

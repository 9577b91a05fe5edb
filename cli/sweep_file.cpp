#include "cli/sweep_file.hpp"

#include "cli/presets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>

#include "base/file.hpp"
#include "base/json_file.hpp"
#include "base/json_text.hpp"
#include "base/sha256.hpp"
#include "cli/options.hpp"
#include "cli/version.hpp"
#include "hardware/hardware.hpp"
#include "models/architecture.hpp"
#include "models/operators/operator_model.hpp"
#include "plan/design.hpp"
#include "traces/agent_sessions.hpp"
#include "traces/load.hpp"
#include "traces/weka_folder.hpp"

namespace kvplan {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// A text of a scenario, which may name a file.
struct NamedText {
  std::string path, text;
};

// What each kind in fleet.also has of its own: REPLICAS HARDWARE [PATH=VALUE], kinds between commas. What is written
// otherwise is refused by the points.
std::vector<NamedText> own_of_kinds(const std::string& also) {
  std::vector<NamedText> own;
  std::istringstream kinds(also);
  for (std::string kind; std::getline(kinds, kind, ',');) {
    std::istringstream words(kind);
    if (std::string replicas, hardware; words >> replicas >> hardware) own.push_back({"hardware", hardware});
    for (std::string word; words >> word;) {
      const std::size_t equals = word.find('=');
      if (equals != std::string::npos) own.push_back({word.substr(0, equals), word.substr(equals + 1)});
    }
  }
  return own;
}

std::vector<NamedText> named_texts(const Scenario& s) {
  std::vector<NamedText> found;
  for (const Option& o : option_table()) {
    const bool names = (o.type == OptionType::text || o.type == OptionType::texts) && o.choices.empty();
    if (!names || !s.has(o.path)) continue;
    for (const std::string& text : o.type == OptionType::text ? std::vector{s.text(o.path)} : s.texts(o.path)) {
      found.push_back({o.path, text});
    }
  }
  if (!s.has("fleet.also")) return found;
  for (NamedText& own : own_of_kinds(s.text("fleet.also"))) found.push_back(std::move(own));
  return found;
}

// A name that stands for a file or a shipped one has to lead to it.
void resolve(const std::string& path, const std::string& name) {
  if (path == "hardware") load_hardware(name);
  if (path == "model") load_architecture(name);
  if (path == "step_time.calibration" && name != "roofline") load_calibration(name);
  if (path == "fleet.also") {
    for (const NamedText& own : own_of_kinds(name)) resolve(own.path, own.text);
  }
  if (path != "trace.path") return;
  if (name == "-") {
    throw InputError(Diagnostic{"", 0, 0, "standard input cannot be swept over", "save the trace to a file"});
  }
  std::error_code error;
  if (!fs::is_directory(name, error)) open_text_file(name);
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

struct InputFile {
  std::string sha256;  // of its text, uncompressed
  double lines = 0;
};

InputFile read_input(const std::string& path) {
  const std::string text = read_text_file(path);
  return {sha256_hex(text), static_cast<double>(std::count(text.begin(), text.end(), '\n'))};
}

// A trace that is a folder: the contents of what is read of it, and the names of all that is passed over, which a
// result counts. The digest is that of lines "DIGEST  NAME".
InputFile read_trace_folder(const std::string& folder) {
  InputFile whole;
  std::string digests;
  for (const std::string& name : files_of_weka_folder(folder)) {
    const fs::path path = fs::path(folder) / name;
    const bool read = is_weka_session(name) || path == near_duplicates_table(folder);
    const InputFile file = read ? read_input(path.string()) : InputFile{};
    digests += file.sha256 + "  " + name + "\n";
    whole.lines += file.lines;
  }
  whole.sha256 = sha256_hex(digests);
  return whole;
}

// The files that decide the results of points, each read once.
class Inputs {
 public:
  // Of all that a scenario names, and of what goes with it unnamed: {name: sha256}.
  Json of(const Scenario& s) {
    Json found = Json::object();
    const auto add = [&](const std::string& name, const InputFile* file) {
      if (file) found[name] = file->sha256;
    };
    for (const auto& [path, name] : named_texts(s)) {
      add(name, path == "trace.path" ? trace(name) : find(name));
      if (path == "trace.path") {
        for (const std::string& beside : files_of_trace(name)) add(beside, find(beside));
      }
      if (path == "hardware") {
        const std::string& calibration = calibration_of(name);
        add(calibration, find(calibration));
      }
    }
    return found;
  }

  const InputFile* trace(const std::string& name) {
    std::error_code error;
    if (!fs::is_directory(name, error)) return find(name);
    std::optional<InputFile>& folder = files_[name];
    if (!folder) folder = read_trace_folder(name);
    return &*folder;
  }

  Json all() const {
    Json found = Json::object();
    for (const auto& [name, file] : files_) {
      if (file) found[name] = file->sha256;
    }
    return found;
  }

 private:
  const InputFile* find(const std::string& name) {
    auto [it, first] = files_.try_emplace(name);
    std::error_code error;
    if (first && fs::is_regular_file(name, error)) it->second = read_input(name);
    return it->second ? &*it->second : nullptr;
  }

  // What a user's hardware file names; "" where it names none, and for hardware that ships.
  const std::string& calibration_of(const std::string& hardware) {
    auto [it, first] = calibrations_.try_emplace(hardware);
    if (first && is_json_path(hardware)) it->second = load_hardware(hardware).calibration;
    return it->second;
  }

  std::map<std::string, std::optional<InputFile>> files_;
  std::map<std::string, std::string> calibrations_;
};

// In turns of a plain replay. Measured on the Mooncake trace: an offload tier doubles the time, a router
// that looks at every replica adds to it with their number, stepping and auditing take far longer.
double cost_of(const Scenario& s, Inputs& inputs) {
  constexpr double kUnknownTurns = 1e4;
  const InputFile* trace = s.has("trace.path") ? inputs.trace(s.text("trace.path")) : nullptr;
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

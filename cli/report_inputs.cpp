#include "cli/report_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/file.hpp"
#include "base/json_file.hpp"
#include "plan/merge.hpp"
#include "reports/flat.hpp"

namespace kvplan {
namespace {

namespace fs = std::filesystem;

// Blocks that every section may read.
constexpr const char* kBlocks[] = {"verdict", "notes", "requests", "latency", "throughput", "targets",
                                   "kv",      "links", "gpu",      "cost",    "provenance"};

class Reader {
 public:
  void read(const std::string& path) {
    try {
      if (fs::is_directory(path)) {
        read_folder(path);
      } else {
        read_document(parse(path), path);
      }
    } catch (const InputError& e) {
      findings_.insert(findings_.end(), e.findings().begin(), e.findings().end());
    }
  }

  ReportInputs finish() {
    if (!findings_.empty()) throw InputError(findings_);
    name_apart();
    warn_of_mixed_traces();
    return std::move(inputs_);
  }

 private:
  static Json parse(const std::string& path) {
    const std::string text = read_text_file(path);
    try {
      return Json::parse(text);
    } catch (const Json::parse_error&) {
      JsonFile::parse(text, path);  // throws with line and column
      throw InputError({path, 0, 0, "is not JSON (results have no comments)", "is it cut off? run it again"});
    }
  }

  void read_folder(const std::string& folder) {
    for (const char* name : {"comparison.json", "result.json", "plan.json"}) {
      const std::string path = folder + "/" + name;
      if (fs::exists(path)) return read_document(parse(path), path);
    }
    if (fs::exists(folder + "/sweep.json")) return read_sweep_folder(folder);
    std::vector<std::string> inside;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.is_directory() && fs::exists(entry.path() / "result.json"))
        inside.push_back(entry.path() / "result.json");
    }
    std::sort(inside.begin(), inside.end());
    if (inside.empty()) {
      throw InputError({folder, 0, 0, "holds no result.json, comparison.json, plan.json or sweep.json",
                        "name a folder that `kvplan run --out` or `kvplan sweep run --out` wrote"});
    }
    for (const std::string& path : inside) read(path);
  }

  void read_sweep_folder(const std::string& folder) {
    const MergedSweep sweep = merge(ResultFolder(folder));
    if (!sweep.missing.empty() || !sweep.failed.empty()) {
      inputs_.warnings.push_back(fmt::format("{}: {} of {} points have no result yet, and {} failed", folder,
                                             sweep.missing.size(), sweep.records.size(), sweep.failed.size()));
    }
    for (const auto& record : sweep.records) {
      if (record && (*record)["failure"].is_null()) add_result((*record)["result"], folder, "");
    }
  }

  void read_document(const Json& document, const std::string& path) {
    const std::string schema = document.is_object() && document.contains("schema") && document["schema"].is_string()
                                   ? document["schema"].get<std::string>()
                                   : "";
    if (schema == kResultSchema) {
      add_result(document, path, "");
    } else if (schema == kComparisonSchema) {
      for (const Json& c : document.at("combinations")) {
        if (c.at("result").is_null()) {
          inputs_.columns.push_back({c.at("name").get<std::string>(), nullptr, c.at("infeasible").get<std::string>()});
        } else {
          add_result(c["result"], path, c.at("name").get<std::string>());
        }
      }
    } else if (schema == kMergedSchema) {
      for (const Json& p : document.at("points")) {
        if (!p.at("result").is_null()) add_result(p["result"], path, "");
      }
    } else if (schema.starts_with("kvplan.plan/")) {
      inputs_.plans.push_back(document);
    } else {
      findings_.push_back({path, 0, 0,
                           schema.empty() ? "has no \"schema\", so it is no result of kvplan"
                                          : fmt::format("has the schema \"{}\"", schema),
                           fmt::format("this kvplan reads {}, {}, {} and kvplan.plan/1; make the result again with it",
                                       kResultSchema, kComparisonSchema, kMergedSchema)});
    }
  }

  void add_result(const Json& document, const std::string& path, const std::string& name) {
    for (const char* block : kBlocks) {
      if (document.contains(block)) continue;
      findings_.push_back({path, 0, 0, fmt::format("has no \"{}\"", block), "the result is not whole; run it again"});
      return;
    }
    const Json& p = document["provenance"];
    std::string given = name;
    if (given.empty() && p.contains("hardware")) given = p["hardware"].value("name", "");
    if (name.empty() && p.contains("scenario") && p["scenario"].contains(Json::json_pointer("/offload/mode"))) {
      const Json& mode = p["scenario"]["offload"]["mode"];
      const Json& text = mode.is_array() && !mode.empty() ? mode[0] : mode;
      if (text.is_string()) given += " " + text.get<std::string>();
    }
    inputs_.columns.push_back({given.empty() ? path : given, document, ""});
  }

  // Columns of one name are told apart by the options in which they differ.
  void name_apart() {
    std::map<std::string, std::vector<Column*>> by_name;
    for (Column& c : inputs_.columns) by_name[c.name].push_back(&c);
    for (auto& [name, columns] : by_name) {
      if (columns.size() < 2) continue;
      std::vector<std::map<std::string, std::string>> options;
      std::map<std::string, std::set<std::string>> values;
      for (const Column* c : columns) {
        auto& mine = options.emplace_back();
        if (c->document.is_null() || !c->document["provenance"].contains("scenario")) continue;
        const Json flat = c->document["provenance"]["scenario"].flatten();
        for (const auto& [path, value] : flat.items()) {
          mine[path] = value.is_string() ? value.get<std::string>() : value.dump();
          values[path].insert(mine[path]);
        }
      }
      for (std::size_t i = 0; i < columns.size(); ++i) {
        std::string name_of_it = name;
        for (const auto& [path, all] : values) {
          if (all.size() > 1) name_of_it += fmt::format(" {}={}", path.substr(path.rfind('/') + 1), options[i][path]);
        }
        columns[i]->name = name_of_it == name ? fmt::format("{} #{}", name, i + 1) : name_of_it;
      }
    }
  }

  void warn_of_mixed_traces() {
    std::set<std::string> traces;
    for (const Column& c : inputs_.columns) {
      const Json::json_pointer at("/provenance/trace/sha256");
      if (!c.document.is_null() && c.document.contains(at)) traces.insert(c.document.at(at).dump());
    }
    if (traces.size() > 1) {
      inputs_.warnings.push_back(
          fmt::format("These results replay {} different traces: side by side they compare loads as well as fleets.",
                      traces.size()));
    }
  }

  ReportInputs inputs_;
  std::vector<Diagnostic> findings_;
};

}  // namespace

ReportInputs read_report_inputs(const std::vector<std::string>& paths) {
  Reader reader;
  for (const std::string& path : paths) reader.read(path);
  return reader.finish();
}

}  // namespace kvplan

#include "cli/report_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "base/error.hpp"
#include "cli/built_in_load.hpp"
#include "cli/paired.hpp"
#include "cli/run_folder.hpp"
#include "plan/merge.hpp"
#include "reports/flat.hpp"
#include "reports/kept_result.hpp"
#include "reports/kept_run.hpp"
#include "reports/markdown_text.hpp"
#include "reports/run_options.hpp"

namespace kvplan {
namespace {

namespace fs = std::filesystem;

// What was wrong; what to do about it is for whoever runs it again.
std::string without_help(const std::string& reason) {
  std::string text;
  for (const std::string& line : lines_of(reason)) {
    if (!line.starts_with("  help: ")) text += (text.empty() ? "" : "; ") + line;
  }
  return text;
}

class Reader {
 public:
  void read(const std::string& path) {
    try {
      if (fs::is_directory(path)) {
        read_folder(path);
      } else {
        read_document(parse_kept(path), path);
      }
    } catch (const InputError& e) {
      findings_.insert(findings_.end(), e.findings().begin(), e.findings().end());
    }
  }

  ReportInputs finish() {
    if (!findings_.empty()) throw InputError(findings_);
    name_apart();
    compare_requests();
    return std::move(inputs_);
  }

 private:
  static constexpr std::size_t kMostCompared = 8;

  struct Kept {
    std::size_t column;
    std::string folder;
    std::uintmax_t bytes;
  };

  void read_folder(const std::string& folder) {
    for (const char* name : {"comparison.json", "result.json", "plan.json"}) {
      const std::string path = folder + "/" + name;
      if (fs::exists(path)) return read_document(parse_kept(path), path);
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
                        "name a folder that `kvplan run --out` or `kvplan sweep --out` wrote"});
    }
    for (const std::string& path : inside) read(path);
  }

  void read_sweep_folder(const std::string& folder) {
    const MergedSweep sweep = merge(ResultFolder(folder));
    if (!sweep.missing.empty() || !sweep.failed.empty()) {
      inputs_.warnings.push_back(fmt::format("{}: {} of {} points have no result yet, and {} failed", folder,
                                             sweep.missing.size(), sweep.records.size(), sweep.failed.size()));
    }
    std::vector<std::string> reasons;
    for (const auto& record : sweep.records) {
      if (!record) continue;
      if ((*record)["failure"].is_null())
        add_result((*record)["result"], folder, "");
      else
        reasons.push_back((*record)["failure"]["reason"].get<std::string>());
    }
    tell_failures(folder, reasons);
  }

  // Many points fail for few reasons.
  void tell_failures(const std::string& path, const std::vector<std::string>& reasons) {
    constexpr std::size_t kMostTold = 5;
    std::map<std::string, std::size_t> counts;
    for (const std::string& reason : reasons) ++counts[without_help(reason)];
    std::size_t told = 0;
    for (const auto& [reason, count] : counts) {
      if (told++ == kMostTold) break;
      inputs_.warnings.push_back(
          fmt::format("{}: {} failed: {}", path, counted(static_cast<double>(count), "point"), reason));
    }
    if (counts.size() > kMostTold)
      inputs_.warnings.push_back(fmt::format("{}: and for {} other reasons", path, counts.size() - kMostTold));
  }

  void read_document(const Json& document, const std::string& path) {
    const std::string schema = schema_of(document);
    if (schema == kResultSchema) {
      add_result(document, path, "", fs::path(path).parent_path());
    } else if (schema == kComparisonSchema) {
      for (const Json& c : document.at("combinations")) {
        if (c.at("result").is_null()) {
          inputs_.columns.push_back({c.at("name").get<std::string>(), nullptr, c.at("infeasible").get<std::string>()});
        } else {
          const auto name = c.at("name").get<std::string>();
          add_result(c["result"], path, name, fs::path(path).parent_path() / combination_folder(name));
        }
      }
    } else if (schema == kMergedSchema) {
      std::vector<std::string> reasons;
      for (const Json& p : document.at("points")) {
        if (!p.at("result").is_null())
          add_result(p["result"], path, "");
        else if (p.contains("reason") && p["reason"].is_string())
          reasons.push_back(p["reason"].get<std::string>());
      }
      tell_failures(path, reasons);
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

  // `folder`: where its requests may be.
  void add_result(const Json& document, const std::string& path, const std::string& name, const fs::path& folder = {}) {
    require_result(document, path);
    const Json& p = document["provenance"];
    std::string given = name;
    if (given.empty() && p.contains("hardware")) given = p["hardware"].value("name", "");
    if (name.empty() && p.contains("scenario") && p["scenario"].contains(Json::json_pointer("/offload/mode"))) {
      const Json& mode = p["scenario"]["offload"]["mode"];
      const Json& text = mode.is_array() && !mode.empty() ? mode[0] : mode;
      if (text.is_string()) given += " " + text.get<std::string>();
    }
    const fs::path requests = folder / "requests.jsonl";
    if (!folder.empty() && fs::exists(requests))
      kept_.push_back({inputs_.columns.size(), folder.string(), fs::file_size(requests)});
    inputs_.columns.push_back({given.empty() ? path : given, with_built_in_load(document), ""});
  }

  // Columns of one name are told apart by the options in which they differ.
  void name_apart() {
    std::map<std::string, std::vector<Column*>> by_name;
    for (Column& c : inputs_.columns) by_name[c.name].push_back(&c);
    for (auto& [name, columns] : by_name) {
      if (columns.size() < 2) continue;
      std::vector<RunOptions> options;
      for (const Column* c : columns) options.push_back(options_of(c->document));
      std::vector<const RunOptions*> all;
      for (const RunOptions& o : options) all.push_back(&o);
      const std::vector<std::string> names = differing(all);
      for (std::size_t i = 0; i < columns.size(); ++i) {
        std::string name_of_it = name;
        for (const std::string& option : names) {
          const auto at = options[i].find(option);
          const std::string last = option.substr(option.rfind('.') + 1);
          name_of_it += at == options[i].end() ? " no " + last : fmt::format(" {}={}", last, at->second);
        }
        columns[i]->name = name_of_it == name ? fmt::format("{} #{}", name, i + 1) : name_of_it;
      }
    }
  }

  // Each result whose requests are kept against the first one of its load.
  void compare_requests() {
    std::vector<std::pair<RunOptions, std::vector<const Kept*>>> loads;
    for (const Kept& k : kept_) {
      const RunOptions load = load_of(inputs_.columns[k.column].document);
      auto at = std::find_if(loads.begin(), loads.end(), [&](const auto& l) { return l.first == load; });
      if (at == loads.end()) at = loads.insert(loads.end(), {load, {}});
      at->second.push_back(&k);
    }
    std::erase_if(loads, [](const auto& l) { return l.second.size() < 2; });
    std::size_t room = kMostCompared, left_out = 0;
    for (const auto& [load, runs] : loads) {
      const std::size_t some = std::min(runs.size(), room);
      room -= some, left_out += runs.size() - some;
      compare_with_first({runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(some)});
    }
    if (left_out > 0) {
      inputs_.warnings.push_back(
          fmt::format("Of runs that share a load the requests of the first {} are compared, and of {} more they are "
                      "not; `kvplan compare A B` does",
                      kMostCompared, left_out));
    }
  }

  void compare_with_first(const std::vector<const Kept*>& runs) {
    constexpr std::uintmax_t kMostBytes = 64 << 20;  // of requests.jsonl: more would take seconds
    std::vector<KeptRequest> first;
    for (const Kept* run : runs) {
      if (run->bytes > kMostBytes) {
        inputs_.warnings.push_back(
            fmt::format("{}: too many requests to compare them here; `kvplan compare A B` does", run->folder));
        return;
      }
      const std::vector<KeptRequest> mine = read_kept_requests(run->folder);
      if (run == runs.front()) first = mine;
      const auto same = [](const KeptRequest& a, const KeptRequest& b) {
        return a.session == b.session && a.prompt_tokens == b.prompt_tokens && a.output_tokens == b.output_tokens;
      };
      if (run == runs.front() || !std::equal(first.begin(), first.end(), mine.begin(), mine.end(), same)) continue;
      Json figures = Json::array();
      for (const char* name : {"TTFT", "TPOT", "E2E"}) {
        for (const Json& row : paired_figures(name, latencies(first, name), latencies(mine, name), 0.95))
          figures.push_back(row);
      }
      inputs_.comparisons.push_back({{"a", inputs_.columns[runs.front()->column].name},
                                     {"b", inputs_.columns[run->column].name},
                                     {"figures", std::move(figures)}});
    }
  }

  static std::vector<double> latencies(const std::vector<KeptRequest>& all, std::string_view name) {
    std::vector<double> values;
    for (const KeptRequest& r : all) {
      const bool none = r.outcome != Outcome::completed || (name == "TPOT" && r.output_tokens < 2);
      values.push_back(none             ? std::nan("")
                       : name == "TTFT" ? seconds(r.first_token - r.arrival)
                       : name == "E2E"  ? seconds(r.finish - r.arrival)
                                        : seconds(r.finish - r.first_token) / (r.output_tokens - 1));
    }
    return values;
  }

  std::vector<Kept> kept_;  // results with requests beside them
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

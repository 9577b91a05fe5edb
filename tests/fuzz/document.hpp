// What the fuzz target of documents and the tests of hostile ones do with one input: the first byte says what kind of
// document the rest is. A clear error is good, and so is an accepted document; all else stops.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"
#include "cli/as_input.hpp"
#include "cli/plan_request.hpp"
#include "cli/scenario.hpp"
#include "cli/sweep_file.hpp"
#include "cli/verbs.hpp"
#include "hardware/hardware.hpp"
#include "models/architecture.hpp"
#include "models/fitting/table.hpp"
#include "models/import_config.hpp"
#include "models/operators/calibration.hpp"
#include "plan/prices.hpp"
#include "validate/benchmark_file.hpp"
#include "validate/gpu_run/nvbandwidth.hpp"
#include "validate/gpu_run/read.hpp"
#include "validate/replay/log.hpp"
#include "validate/replay/plan.hpp"
#include "validate/replay/predictions.hpp"
#include "validate/server_results.hpp"
#include "validate/server_rows.hpp"

namespace kvplan::fuzz {

// A folder that `kvplan run` wrote, for this process.
inline const std::string& kept_run() {
  static const std::string folder = [] {
    const auto path = std::filesystem::temp_directory_path() / ("kvplan-kept-" + std::to_string(getpid()));
    std::ostringstream out, err;
    const ExitCode code =
        dispatch({"run", "--limit", "12", "--offload", "dram", "--events", "--out", path.string()}, {out, err});
    KVPLAN_ASSERT(code == ExitCode::done);
    return path.string();
  }();
  return folder;
}

// The input in place of one file of such a folder: whoever reads the folder must not fail in a way that it should not.
inline void read_back(const std::string& input, const std::string& name,
                      const std::vector<std::vector<std::string>>& verbs) {
  namespace fs = std::filesystem;
  const fs::path file = fs::path(kept_run()) / name, aside = fs::path(kept_run()) / "aside";
  fs::rename(file, aside);
  fs::copy_file(input, file);
  bool refused = false, failed = false;
  for (std::vector<std::string> arguments : verbs) {
    for (std::string& a : arguments) a = a == "RUN" ? kept_run() : a;
    std::ostringstream out, err;
    const ExitCode code = dispatch(arguments, {out, err});
    failed = failed || code == ExitCode::internal;
    refused = refused || code == ExitCode::bad_input;
  }
  fs::rename(aside, file);
  KVPLAN_ASSERT(!failed);
  if (refused) throw InputError({input, 0, 0, "is not as kvplan wrote it", ""});
}

struct DocumentKind {
  char letter;
  const char* name;
  std::function<void(const std::string& path)> read;
};

inline const std::vector<DocumentKind>& document_kinds() {
  static const std::vector<DocumentKind> kinds = {
      {'s', "scenario", [](const std::string& path) { Scenario().apply(JsonFile::load(path)); }},
      {'w', "sweep", [](const std::string& path) { read_sweep(path); }},
      {'h', "hardware", [](const std::string& path) { load_hardware(path); }},
      {'m', "model", [](const std::string& path) { load_architecture(path); }},
      {'i', "model config", [](const std::string& path) { import_config(path, "imported"); }},
      {'c', "calibration", [](const std::string& path) { read_calibration(path); }},
      {'g', "GPU run", [](const std::string& path) { read_gpu_run(path); }},
      {'n', "nvbandwidth", [](const std::string& path) { read_nvbandwidth(path); }},
      {'b', "benchmark", [](const std::string& path) { load_benchmark(path); }},
      {'r', "server rows", [](const std::string& path) { read_server_rows(path); }},
      {'v', "server results", [](const std::string& path) { read_server_results(path, {}); }},
      {'t', "operator tables", [](const std::string& path) { read_operator_tables({path}); }},
      {'p', "plan request", [](const std::string& path) { read_plan_request(path); }},
      {'q', "prices", [](const std::string& path) { load_prices(path); }},
      {'a', "replay plan", [](const std::string& path) { as_input([&] { read_replay_plan(path); }); }},
      {'k', "predictions",
       [](const std::string& path) { as_input([&] { parse_predictions(read_text_file(path), path); }); }},
      {'l', "replay log",
       [](const std::string& path) { as_input([&] { parse_replay_log(read_text_file(path), path); }); }},
      {'R', "result",
       [](const std::string& path) {
         read_back(path, "result.json",
                   {{"report", "RUN", "--format", "md"}, {"report", "RUN", "--format", "html"}, {"metrics", "RUN"},
                    {"compare", "RUN", "RUN"}, {"explain", "RUN", "1"}});
       }},
      {'Q', "requests",
       [](const std::string& path) {
         read_back(path, "requests.jsonl", {{"metrics", "RUN"}, {"compare", "RUN", "RUN"}, {"explain", "RUN", "1"}});
       }},
      {'E', "events",
       [](const std::string& path) {
         read_back(path, "events.jsonl",
                   {{"validate", "run", "RUN"}, {"explain", "RUN", "1"}, {"timeline", "RUN"}, {"metrics", "RUN"}});
       }},
  };
  return kinds;
}

// Returns whether the input was accepted.
inline bool one_document(const std::string& input) {
  static const std::string path =
      (std::filesystem::temp_directory_path() / ("kvplan-document-" + std::to_string(getpid()) + ".json")).string();
  if (input.empty()) return false;
  for (const DocumentKind& kind : document_kinds()) {
    if (kind.letter != input[0]) continue;
    std::ofstream(path, std::ios::binary).write(input.data() + 1, static_cast<std::streamsize>(input.size() - 1));
    try {
      kind.read(path);
      return true;
    } catch (const InputError& e) {
      KVPLAN_ASSERT(!e.findings().empty() && !e.findings().front().message.empty());
    } catch (const UsageError&) {
    }
  }
  return false;
}

}  // namespace kvplan::fuzz

// What the fuzz target of documents and the replay of its corpus do with one input: the first byte says what kind of
// document the rest is. A clear error is good, and so is an accepted document; all else stops.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "cli/scenario.hpp"
#include "cli/sweep_file.hpp"
#include "hardware/hardware.hpp"
#include "models/architecture.hpp"
#include "models/import_config.hpp"
#include "models/operators/calibration.hpp"
#include "validate/benchmark_file.hpp"
#include "validate/gpu_run/nvbandwidth.hpp"
#include "validate/gpu_run/read.hpp"
#include "validate/server_rows.hpp"

namespace kvplan::fuzz {

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

#include "validate/gpu_run/nvbandwidth.hpp"

#include <charconv>

#include "base/json_file.hpp"

namespace kvplan {
namespace {

// nvbandwidth writes its numbers as texts, and "N/A" where a pair of devices has none.
bool number_in(const nlohmann::json& cell, double& value) {
  if (cell.is_number()) {
    value = cell.get<double>();
    return true;
  }
  if (!cell.is_string()) return false;
  const auto& text = cell.get_ref<const std::string&>();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

NvbandwidthRow row_named(const std::string& test) {
  NvbandwidthRow row;
  row.test = test;
  const auto has = [&](const char* part) { return test.find(part) != std::string::npos; };
  if (has("latency")) return row;
  row.direction = has("host_to_device") || has("all_to_host_bidirectional") ? "h2d"
                  : has("device_to_host")                                   ? "d2h"
                  : has("device_to_device") || has("device_local")          ? "d2d"
                                                                            : "";
  if (has("host_to_all")) row.direction = "h2d";
  if (has("all_to_host") && !has("bidirectional")) row.direction = "d2h";
  row.method = test.size() > 3 && test.substr(test.size() - 3) == "_sm" ? "sm" : "ce";
  row.bidirectional = has("bidirectional");
  return row;
}

double mean_of_matrix(const JsonFile& file, const std::string& pointer, const nlohmann::json& matrix,
                      JsonFindings& findings) {
  double sum = 0;
  int count = 0;
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    for (std::size_t j = 0; j < matrix[i].size(); ++j) {
      const nlohmann::json& cell = matrix[i][j];
      if (cell.is_string() && cell.get_ref<const std::string&>() == "N/A") continue;
      double value = 0;
      if (!number_in(cell, value) || !(value > 0)) {
        findings.add(file.at(pointer + "/" + std::to_string(i) + "/" + std::to_string(j),
                             "expected a bandwidth in GB/s, more than 0, or \"N/A\", not " + cell.dump()));
        continue;
      }
      sum += value;
      ++count;
    }
  }
  return count == 0 ? 0 : sum / count * 1e9;
}

NvbandwidthRun read(const JsonFile& file) {
  JsonFindings findings;
  JsonReader top(file, findings);
  if (!top.has("nvbandwidth")) {
    top.fail("", "expected the object \"nvbandwidth\"", "write the file with: nvbandwidth --json");
    findings.raise();
  }
  JsonReader root = top.object("nvbandwidth", true);
  NvbandwidthRun run;
  run.version = root.string("version", "");
  run.driver = root.string("Driver Version", "");
  if (root.has("GPU Device list")) run.gpus = root.strings("GPU Device list");
  auto tests = root.objects("testcases", true);
  for (std::size_t i = 0; i < tests.size(); ++i) {
    const std::string name = tests[i].string("name"), status = tests[i].string("status");
    const nlohmann::json& raw = file.root()["nvbandwidth"]["testcases"][i];
    if (status != "Passed" || !raw.contains("bandwidth_matrix")) {
      run.left_out.push_back(name + ": " + (status != "Passed" ? status : "no bandwidth_matrix"));
      continue;
    }
    NvbandwidthRow row = row_named(name);
    const std::string pointer = "/nvbandwidth/testcases/" + std::to_string(i) + "/bandwidth_matrix";
    row.bytes_per_s = mean_of_matrix(file, pointer, raw["bandwidth_matrix"], findings);
    run.rows.push_back(row);
  }
  findings.raise();
  return run;
}

}  // namespace

NvbandwidthRun read_nvbandwidth(const std::string& path) { return read(JsonFile::load(path)); }
NvbandwidthRun parse_nvbandwidth(const std::string& text, const std::string& name) {
  return read(JsonFile::parse(text, name));
}

}  // namespace kvplan

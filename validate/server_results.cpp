#include "validate/server_results.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "base/json_file.hpp"

namespace kvplan {
namespace {

using Json = nlohmann::json;

// Figures of one benchmark, by JSON pointer; findings name the first pointer that was tried.
class Figures {
 public:
  Figures(const JsonFile& file, JsonFindings& findings, std::string prefix = "")
      : file_(file), findings_(findings), prefix_(std::move(prefix)) {}

  bool has(const std::string& pointer) const { return find(pointer) != nullptr; }

  // The first of the pointers that holds a number above 0 and within `most`.
  double number(const std::vector<std::string>& pointers, const char* what, double most = 1e15) {
    for (const std::string& p : pointers) {
      const Json* at = find(p);
      if (at != nullptr && at->is_number() && at->get<double>() > 0 && at->get<double>() <= most)
        return at->get<double>();
    }
    fail(pointers.front(), fmt::format("no {} above 0 and within {:g} at {}", what, most, fmt::join(pointers, " or ")));
    return 1;
  }
  double clients(const std::vector<std::string>& pointers, const char* what) {
    return number(pointers, what, kMostClients);
  }
  double requests(const std::vector<std::string>& pointers, const char* what) {
    return number(pointers, what, 1 << 20);
  }
  std::string text(const std::string& pointer) const {
    const Json* at = find(pointer);
    return at != nullptr && at->is_string() ? at->get<std::string>() : "";
  }
  void fail(const std::string& pointer, std::string message, std::string help = "") {
    findings_.add(file_.at(prefix_ + (has(pointer) ? pointer : ""), std::move(message), std::move(help)));
  }

 private:
  const Json* find(const std::string& pointer) const {
    const Json::json_pointer at(prefix_ + pointer);
    return file_.root().contains(at) ? &file_.root().at(at) : nullptr;
  }

  const JsonFile& file_;
  JsonFindings& findings_;
  std::string prefix_;
};

std::int32_t whole(double x) { return static_cast<std::int32_t>(std::lround(std::min(x, 1e9))); }

ServerRow row_of(const ServerFacts& facts, const std::string& model) {
  ServerRow row;
  row.system = facts.system, row.backend = facts.backend, row.version = facts.version;
  row.model = facts.model.empty() ? model : facts.model;
  row.weights = facts.weights, row.tp = facts.tp;
  return row;
}

void set_clients(ServerRow& row, double clients, double requests) {
  row.concurrency = std::max(1, whole(clients));
  row.requests_per_client = std::max(1, whole(requests / row.concurrency));
}

constexpr const char* kClosedLoop = "only closed loops of clients are modelled: give the tool a concurrency";

ServerRow vllm(Figures f, const ServerFacts& facts) {
  ServerRow row = row_of(facts, f.text("/model_id"));
  row.ttft_s = f.number({"/mean_ttft_ms"}, "mean TTFT") / 1e3;
  row.tpot_s = f.number({"/mean_tpot_ms"}, "mean TPOT") / 1e3;
  const double completed = f.requests({"/completed"}, "number of completed requests");
  row.isl = whole(f.number({"/total_input_tokens"}, "number of prompt tokens") / completed);
  row.osl = whole(f.number({"/total_output_tokens"}, "number of output tokens") / completed);
  if (f.has("/num_prompts") && f.number({"/num_prompts"}, "number of prompts") > completed) {
    f.fail("/completed", "some requests failed: means of the others are not what all would take");
  }
  if (!f.has("/max_concurrency")) f.fail("/max_concurrency", "no \"max_concurrency\"", kClosedLoop);
  set_clients(row, f.clients({"/max_concurrency"}, "closed loop of clients"), completed);
  return row;
}

ServerRow aiperf(Figures f, const ServerFacts& facts) {
  ServerRow row = row_of(facts, f.text("/input_config/endpoint/model_names/0"));
  for (const char* metric : {"/time_to_first_token", "/inter_token_latency"}) {
    const std::string unit = f.text(std::string(metric) + "/unit");
    if (unit != "ms")
      f.fail(std::string(metric) + "/unit", fmt::format("{} is in \"{}\", expected ms", metric + 1, unit));
  }
  row.ttft_s = f.number({"/time_to_first_token/avg"}, "mean TTFT") / 1e3;
  row.tpot_s = f.number({"/inter_token_latency/avg"}, "mean time between tokens (needs --streaming)") / 1e3;
  const double requests = f.requests({"/request_count/avg"}, "number of requests");
  row.isl = f.has("/input_sequence_length/avg")
                ? whole(f.number({"/input_sequence_length/avg"}, "prompt length"))
                : whole(f.number({"/total_isl/avg"}, "number of prompt tokens") / requests);
  row.osl = whole(f.number({"/output_sequence_length/avg"}, "output length"));
  if (f.has("/error_request_count/avg")) f.fail("/error_request_count", "some requests failed");
  set_clients(
      row,
      f.clients({"/input_config/loadgen/concurrency"}, "closed loop of clients (input_config.loadgen.concurrency)"),
      requests);
  return row;
}

// "type_" of a strategy: synchronous is one client, concurrent has streams; others send at a rate.
double guidellm_clients(Figures& f) {
  for (const std::string at : {"/config/strategy", "/args/strategy", "/scheduler/strategy"}) {
    if (f.text(at + "/type_") == "synchronous" || f.text(at + "/kind") == "synchronous") return 1;
    if (f.has(at + "/streams")) return f.clients({at + "/streams"}, "number of streams");
  }
  f.fail("/config", "no strategy with streams, and none that is synchronous", kClosedLoop);
  return 1;
}

ServerRow guidellm(Figures f, const ServerFacts& facts) {
  const auto mean = [](const char* metric) { return fmt::format("/metrics/{}/successful/mean", metric); };
  ServerRow row = row_of(facts, f.text("/config/model"));
  row.ttft_s = f.number({mean("time_to_first_token_ms")}, "mean TTFT") / 1e3;
  row.tpot_s = f.number({mean("inter_token_latency_ms")}, "mean time between tokens") / 1e3;
  row.isl = whole(f.number({mean("prompt_token_count")}, "prompt length"));
  row.osl = whole(f.number({mean("output_token_count")}, "output length"));
  const double requests = f.requests(
      {"/metrics/request_totals/successful", "/run_stats/requests_made/successful", "/request_totals/successful"},
      "number of successful requests");
  set_clients(row, guidellm_clients(f), requests);
  return row;
}

}  // namespace

std::vector<ServerRow> read_server_results(const std::string& path, const ServerFacts& facts) {
  const JsonFile file = JsonFile::load(path);
  JsonFindings findings;
  std::vector<ServerRow> rows;
  const Json& root = file.root();
  if (root.contains("mean_ttft_ms")) {
    rows.push_back(vllm(Figures(file, findings), facts));
  } else if (root.contains("time_to_first_token")) {
    rows.push_back(aiperf(Figures(file, findings), facts));
  } else if (root.contains("benchmarks") && root["benchmarks"].is_array()) {
    for (std::size_t i = 0; i < root["benchmarks"].size(); ++i) {
      rows.push_back(guidellm(Figures(file, findings, fmt::format("/benchmarks/{}", i)), facts));
    }
  } else {
    findings.add(
        file.at("", "no result of a benchmark that kvplan knows",
                "vllm bench serve --save-result, aiperf's profile_export_aiperf.json, guidellm's benchmarks.json, "
                "or a CSV with ttft_ms_mean"));
  }
  for (const ServerRow& row : rows) {
    if (row.model.empty()) findings.add(file.at("", "the file names no model", "name it with --model"));
    if (std::min(row.isl, row.osl) < 1 || std::max(row.isl, row.osl) > kMostLength) {
      findings.add(file.at("", fmt::format("prompts of {} and answers of {} tokens, expected from 1 to {}", row.isl,
                                           row.osl, kMostLength)));
    }
  }
  findings.raise();
  return rows;
}

}  // namespace kvplan

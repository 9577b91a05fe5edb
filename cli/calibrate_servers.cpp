#include "cli/calibrate_servers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/error.hpp"
#include "cli/text_grid.hpp"
#include "validate/server_results.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

std::string text_of(const po::variables_map& values, const char* name) { return values[name].as<std::string>(); }

bool is_json(const std::string& path) { return path.find(".json") != std::string::npos; }

ServerFacts facts_of(const po::variables_map& values, const Hardware& hardware) {
  ServerFacts f;
  f.system = hardware.name;
  f.backend = text_of(values, "backend");
  f.version = text_of(values, "backend-version");
  if (values.count("model")) f.model = text_of(values, "model");
  f.weights = dtype_from_name(text_of(values, "weights"));
  f.tp = values["tp"].as<std::int32_t>();
  if (f.tp < 1 || f.tp > 1024) throw UsageError(fmt::format("--tp is {}, expected 1 to 1024", f.tp));
  return f;
}

std::vector<ServerRow> rows_of(const std::vector<std::string>& files, const po::variables_map& values,
                               const Hardware& hardware) {
  std::vector<ServerRow> rows;
  for (const std::string& path : files) {
    const auto more = is_json(path) ? read_server_results(path, facts_of(values, hardware)) : read_server_rows(path);
    rows.insert(rows.end(), more.begin(), more.end());
  }
  if (!values.count("server")) return rows;
  const std::string wanted = text_of(values, "server");
  std::vector<std::string> known;
  for (const ServerRow& r : rows) known.push_back(r.server());
  std::erase_if(rows, [&](const ServerRow& r) { return r.server().find(wanted) == std::string::npos; });
  if (rows.empty()) {
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    throw UsageError(fmt::format("no rows of a server \"{}\"", wanted), suggestion(wanted, known));
  }
  return rows;
}

std::string errors_text(const ServerCalibration& s) {
  std::vector<std::vector<std::string>> grid = {{"held out", "rows", "median %", "bias %", "p90 %", "covers %"}};
  const auto counted = [](const ServerComparison& c) { return !c.frontend_bound; };
  const std::pair<ServerLatency, const char*> latencies[] = {{ServerLatency::ttft, "TTFT"}, {ServerLatency::tpot, "TPOT"}, {ServerLatency::e2e, "E2E"}};
  for (const auto& [q, name] : latencies) {
    const ErrorSummary e = summarise(s.held_out, q, counted);
    grid.push_back({name, std::to_string(e.rows), fmt::format("{:.1f}", 100 * e.median_absolute),
                    fmt::format("{:+.1f}", 100 * e.bias), fmt::format("{:.1f}", 100 * e.p90_absolute),
                    fmt::format("{:.1f}", 100 * e.coverage)});
  }
  std::vector<std::vector<std::string>> constants = {{"fitted to all rows", "value", "90 % interval"}};
  const HostFit& h = s.calibration.host;
  const std::pair<const Coefficient*, const char*> rows[] = {{&h.elementwise_efficiency, ""}, {&h.step_s, "ms"},
                                                             {&h.sequence_s, "us"}, {&h.request_s, "ms"}};
  for (const auto& [c, unit] : rows) {
    const double scale = std::string(unit) == "ms" ? 1e3 : std::string(unit) == "us" ? 1e6 : 1;
    constants.push_back({fmt::format("{}{}{}", c->name, *unit ? ", " : "", unit), fmt::format("{:.3g}", c->value * scale),
                         fmt::format("{:.3g} to {:.3g}", c->low * scale, c->high * scale)});
  }
  return "\nHost work: errors of the half of the (isl, osl) combinations that was not fitted\n\n" + text_grid(grid) + "\n" +
         text_grid(constants);
}

}  // namespace

void add_server_options(po::options_description& d) {
  const auto text = [](const char* unit) { return po::value<std::string>()->value_name(unit); };
  d.add_options()("server", text("TEXT"), "Of rows of several servers take those whose backend, version and model contain this.")(
      "benchmark", text("FILE.json"), "How servers were measured (docs/models.md); else as a file of that name is known.")(
      "model", text("NAME"), "Of result files: the model, where they do not name one that kvplan knows.")(
      "tp", po::value<std::int32_t>()->default_value(1)->value_name("N"), "Of result files: tensor parallelism.")(
      "weights", text("DTYPE")->default_value("bf16"), "Of result files: type of the weights.")(
      "backend", text("NAME")->default_value("vllm"), "Of result files: the server.")(
      "backend-version", text("TEXT")->default_value("of unknown version"), "Of result files: its version.")(
      "kv-dtype", text("DTYPE")->default_value("bf16"), "Of the servers' KV cache.");
}

Calibration with_server(const Calibration& base, const std::vector<std::string>& files, const Hardware& hardware,
                        const po::variables_map& values, bool quiet, Streams streams) {
  const BenchmarkFile described =
      values.count("benchmark") ? load_benchmark(text_of(values, "benchmark")) : benchmark_of(files.front());
  const std::vector<ServerRow> rows = rows_of(files, values, hardware);
  const unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  Benchmark b = described.benchmark;
  b.kernels = Kernels::calibration;
  ServerCalibration s = calibrate_server(rows, files.front(), hardware, OperatorModel(std::make_shared<const Calibration>(base)),
                                         b, dtype_from_name(text_of(values, "kv-dtype")), threads);
  for (const std::string& w : s.warnings) streams.err << "warning: " << w << "\n";
  (quiet ? streams.err : streams.out) << errors_text(s);
  return std::move(s.calibration);
}

}  // namespace kvplan

// kvplan metrics RESULT: a run as OpenMetrics text for Prometheus.
#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "base/embedded.hpp"
#include "cli/arguments.hpp"
#include "cli/run_folder.hpp"
#include "cli/verb.hpp"
#include "reports/kept_result.hpp"
#include "reports/open_metrics.hpp"
#include "reports/write.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

constexpr const char* kStart = "1767225600";  // 2026-01-01 00:00 UTC: the same bytes whenever it is run

constexpr const char* kUsage =
    "usage: kvplan metrics RESULT [--out metrics.om] [--start UNIX] [--step S]\n"
    "       kvplan metrics --dashboard [--out kvplan.json]\n\n"
    "Writes a run as OpenMetrics text with timestamps, under the names and buckets of vLLM, Dynamo's KV block manager\n"
    "and LMCache: `promtool tsdb create-blocks-from openmetrics` loads it, and dashboards made for those servers show\n"
    "the simulation. RESULT is a folder that `kvplan run --out` wrote; with --events, transfers, stores and evictions\n"
    "are among the series. --dashboard prints the Grafana dashboard that docs/looking-into-runs.md tells how to\n"
    "provision.\n\n";

constexpr const char* kExamples =
    "\nExamples:\n"
    "  kvplan run --offload dram --events --out result\n"
    "  kvplan metrics result --out metrics.om\n"
    "  promtool tsdb create-blocks-from openmetrics metrics.om tsdb\n"
    "  kvplan metrics result --start $(date +%s) --out now.om\n";

po::options_description options() {
  po::options_description d("Options", 110, 70);
  d.add_options()("out", po::value<std::string>()->value_name("FILE"), "Write there; without, to stdout.")(
      "start", po::value<std::string>()->value_name("UNIX")->default_value(kStart),
      "The run's beginning, in seconds since 1970; without, 2026-01-01.")(
      "step", po::value<std::string>()->value_name("S")->default_value("15"),
      "Seconds between samples; a multiple of it where there would be more than two million.")(
      "dashboard", "Print the Grafana dashboard in place of a run.")("help,h", "Print this.");
  return d;
}

std::int64_t whole(const po::variables_map& values, const char* name, std::int64_t least, std::int64_t most) {
  const auto& text = values[name].as<std::string>();
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error == std::errc() && end == text.data() + text.size() && n >= least && n <= most) return n;
  throw UsageError(
      fmt::format("--{} is \"{}\", expected a whole number of seconds from {} to {}", name, text, least, most));
}

Json result_of(const std::string& folder) {
  const std::string path = folder + "/result.json";
  const auto refuse = [&](const std::string& why) {
    throw InputError(Diagnostic{path, 0, 0, why, "run it again: kvplan run ... --out DIR"});
  };
  if (!std::filesystem::exists(path)) refuse("is missing beside requests.jsonl");
  Json result = read_kept_result(path);
  if (!result.contains("series")) refuse("has no series over time, as results of sweeps");
  return result;
}

void give(const po::variables_map& values, const std::string& text, Streams streams) {
  if (values.count("out")) {
    write_file(values["out"].as<std::string>(), text);
  } else {
    streams.out << text;
  }
}

}  // namespace

ExitCode metrics_verb(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description all = options();
  all.add_options()("result", po::value<std::string>());
  const po::variables_map values = parse_arguments(all, {"result"}, arguments);
  if (values.count("help")) {
    streams.out << kUsage << options() << kExamples;
    return ExitCode::done;
  }
  if (values.count("dashboard")) {
    give(values, std::string(embedded_file("reports/grafana/kvplan.json")), streams);
    return ExitCode::done;
  }
  if (!values.count("result")) throw UsageError("which result?", "`kvplan run --out DIR` writes one");
  MetricsOptions o;
  o.start_unix_s = whole(values, "start", 0, 4'000'000'000);
  o.step_s = whole(values, "step", 1, 86400);
  const std::string folder = run_folder(values["result"].as<std::string>());
  const Metrics m = metrics_of(folder, result_of(folder), o);
  give(values, m.text, streams);
  streams.err << fmt::format("{} samples, one every {} s\n", m.samples, m.step_s);
  if (!m.from_events) {
    streams.err << "note: without a log of events there are no series of stores, transfers and evictions\n"
                   "  help: run it again with --events\n";
  }
  return ExitCode::done;
}

}  // namespace kvplan

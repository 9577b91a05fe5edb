#include "cli/validate_run.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/arguments.hpp"
#include "cli/events.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

constexpr const char* kUsage =
    "usage: kvplan validate run FOLDER|events.jsonl [--format table|json]\n\n"
    "Replays the log of a run's events (kvplan run --check --out FOLDER, or --events) under rules that share no code\n"
    "with the simulator: capacities, pins, hits, order, durations, tokens, times, bytes over links. Exit code 5 when\n"
    "a rule is broken.\n\nExample:\n  kvplan run --offload dram --check --out results && kvplan validate run results\n";

nlohmann::ordered_json document(const run_check::Report& report) {
  nlohmann::ordered_json j = {{"schema", "kvplan.run-check/1"},
                              {"sound", report.sound()},
                              {"requests", report.requests},
                              {"events", report.events},
                              {"checks", report.checks},
                              {"broken", report.broken},
                              {"breaches", nlohmann::ordered_json::array()}};
  for (const run_check::Breach& b : report.breaches) {
    j["breaches"].push_back({{"rule", b.rule}, {"line", b.line}, {"what", b.what}});
  }
  return j;
}

}  // namespace

ExitCode validate_run(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description options("kvplan validate run");
  options.add_options()("log", po::value<std::string>())("format", po::value<std::string>()->default_value("table"))(
      "help,h", "this text");
  const po::variables_map given = parse_arguments(options, {"log"}, arguments);
  if (given.count("help")) {
    streams.out << kUsage;
    return ExitCode::done;
  }
  if (!given.count("log"))
    throw UsageError("kvplan validate run needs the folder of a run", "kvplan validate run --help");
  const std::string format = given["format"].as<std::string>();
  if (format != "table" && format != "json") {
    throw UsageError(fmt::format("unknown format \"{}\"", format), suggestion(format, {"table", "json"}));
  }
  std::string path = given["log"].as<std::string>();
  if (std::filesystem::is_directory(path)) path += "/events.jsonl";
  const run_check::Report report = run_check::check_log(path);
  if (format == "json") {
    streams.out << document(report).dump(2) << "\n";
  } else {
    streams.out << fmt::format("{} requests, {} events: {}\n\n", report.requests, report.events,
                               report.sound() ? "no rule is broken" : fmt::format("{} breaches", report.breach_count))
                << text_of(report);
  }
  return report.sound() ? ExitCode::done : ExitCode::target_missed;
}

}  // namespace kvplan

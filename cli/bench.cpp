// kvplan bench: fixed scenarios, how fast they replay, and a digest of what came
// out, so that a change of speed or of results is seen at once.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/json_file.hpp"
#include "cli/arguments.hpp"
#include "cli/bench_run.hpp"
#include "cli/verb.hpp"
#include "cli/version.hpp"
#include "reports/cells.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

constexpr const char* kSchema = "kvplan.bench/1";

po::options_description bench_options() {
  po::options_description d("Options", 110, 70);
  d.add_options()("scenario", po::value<Words>()->value_name("NAME")->composing(), "Only this one; may be repeated.")(
      "all", "The long ones as well: minutes, and gigabytes of memory.")(
      "repeat", po::value<int>()->value_name("N"), "Runs of each; the median counts. Without: 5, and 1 of long ones.")(
      "format", po::value<std::string>()->value_name("table|json")->default_value("table"), "")(
      "compare", po::value<std::string>()->value_name("FILE"),
      "What --format json has written before: tells each change of speed and of digest. Ends with 5 if a digest of "
      "the same load differs.")("help,h", "This text.");
  return d;
}

std::vector<BenchScenario> chosen(const po::variables_map& given) {
  const std::vector<BenchScenario>& all = bench_scenarios();
  Words names;
  for (const BenchScenario& b : all) names.push_back(b.name);
  const Words wanted = given.count("scenario") ? given["scenario"].as<Words>() : Words{};
  for (const std::string& name : wanted) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      throw UsageError(fmt::format("no such benchmark: \"{}\"", name), suggestion(name, names));
    }
  }
  std::vector<BenchScenario> some;
  for (const BenchScenario& b : all) {
    const bool named = std::find(wanted.begin(), wanted.end(), b.name) != wanted.end();
    if (wanted.empty() ? b.quick || given.count("all") > 0 : named) some.push_back(b);
  }
  return some;
}

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return "unknown";
}

struct Earlier {
  std::string name, load, digest;
  double median_s = 0;
};

std::vector<Earlier> earlier(const std::string& path) {
  const JsonFile file = JsonFile::load(path);
  JsonFindings findings;
  JsonReader root(file, findings);
  root.one_of("schema", {kSchema});
  std::vector<Earlier> all;
  for (JsonReader& r : root.objects("scenarios", true)) {
    Earlier e{r.string("name"), r.string("load"), r.string("digest"), 0};
    e.median_s = r.object("wall_s", true).number("median", 1e-9, 1e9);
    all.push_back(std::move(e));
  }
  findings.raise();
  return all;
}

// {speed, digest: same | differs} of a scenario, or null where the earlier run has none of that name and load.
Json comparison(const Json& now, const std::vector<Earlier>& before) {
  for (const Earlier& e : before) {
    if (e.name != now["name"] || e.load != now["load"]) continue;
    return {{"speed", e.median_s / now["wall_s"]["median"].get<double>()},
            {"digest", e.digest == now["digest"] ? "same" : "differs"}};
  }
  return nullptr;
}

std::string header(bool compares) {
  return fmt::format("{:<14}{:>10}{:>10}{:>12}{:>12}{:>10}{:>9}{:>9}{:>9}  {:<14}{}\n", "", "requests", "ms",
                     "requests/s", "events/s", "ns/event", "MB peak", "load ms", "stepped", "digest",
                     compares ? "compared" : "");
}

std::string row(const Json& r, bool compares) {
  const Json& stepped = r["stepped"];
  const std::string ratio =
      stepped.is_null() ? "-"
                        : fmt::format("{:.2f}x{}", stepped["ratio"].get<double>(), stepped["same_digest"] ? "" : " !");
  std::string change;
  if (compares && r["compared"].is_null()) change = "not there before";
  if (compares && !r["compared"].is_null()) {
    change = fmt::format("{:.2f}x, {}", r["compared"]["speed"].get<double>(),
                         r["compared"]["digest"] == "same" ? "same" : "DIFFERS");
  }
  return fmt::format("{:<14}{:>10}{:>10.1f}{:>12.0f}{:>12.0f}{:>10.0f}{:>9.0f}{:>9.1f}{:>9}  {:<14}{:<{}}{}{}\n",
                     r["name"].get<std::string>(), r["requests"].get<std::int64_t>(),
                     r["wall_s"]["median"].get<double>() * 1e3, r["requests_per_s"].get<double>(),
                     r["events_per_s"].get<double>(), r["ns_per_event"].get<double>(),
                     r["peak_bytes"].get<double>() / 1e6, r["load_s"].get<double>() * 1e3, ratio,
                     r["digest"].get<std::string>(), change, compares ? 18 : 0, r["what"].get<std::string>(),
                     r["load"] == "synthetic" ? " (synthetic load)" : "");
}

constexpr const char* kUsage =
    "usage: kvplan bench [--scenario NAME] [--all] [--repeat N] [--format json] [--compare FILE]\n\n"
    "Replays fixed scenarios on one thread, each in a process of its own. `ms` is one replay, without reading the\n"
    "trace (`load ms`); `stepped` how much longer it takes one step at a time, with a ! where results differ. The\n"
    "traces are looked for in $KVPLAN_DATA/traces; synthetic loads stand in for those that are not there.\n\n";

}  // namespace

ExitCode bench_verb(const Words& arguments, Streams streams) {
  const po::variables_map given = parse_arguments(bench_options(), {}, arguments);
  if (given.count("help")) {
    Words names;
    for (const BenchScenario& b : bench_scenarios()) names.push_back(b.quick ? b.name : std::string(b.name) + " (long)");
    streams.out << kUsage << bench_options() << fmt::format("\nScenarios: {}\n", fmt::join(names, ", "));
    return ExitCode::done;
  }
  const std::string format = given["format"].as<std::string>();
  if (format != "table" && format != "json") {
    throw UsageError(fmt::format("--format must be table or json, not \"{}\"", format));
  }
  const bool counted = given.count("repeat") > 0;
  const int repeat = counted ? given["repeat"].as<int>() : 5;
  if (repeat < 1 || repeat > 1000) throw UsageError("--repeat must be from 1 to 1000");
  const bool compares = given.count("compare") > 0, table = format == "table";
  const std::vector<Earlier> before = compares ? earlier(given["compare"].as<std::string>()) : std::vector<Earlier>{};
  Json document = {{"schema", kSchema},
                   {"tool", {{"version", version()}, {"git_commit", git_commit()}}},
                   {"processor", processor()},
                   {"cores", std::thread::hardware_concurrency()},
                   {"scenarios", Json::array()}};
  bool same = true;
  if (table) streams.out << header(compares) << std::flush;
  for (const BenchScenario& b : chosen(given)) {
    Json result = measure(b, b.quick || counted ? repeat : 1, streams.err);
    if (compares) {
      result["compared"] = comparison(result, before);
      same = same && (result["compared"].is_null() || result["compared"]["digest"] == "same");
    }
    same = same && (result["stepped"].is_null() || result["stepped"]["same_digest"].get<bool>());
    if (table) streams.out << row(result, compares) << std::flush;
    document["scenarios"].push_back(std::move(result));
  }
  if (!table) streams.out << document.dump(2) << "\n";
  return same ? ExitCode::done : ExitCode::target_missed;
}

}  // namespace kvplan

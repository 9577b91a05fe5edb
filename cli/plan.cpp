// kvplan plan REQUEST.json
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>

#include "base/json_text.hpp"
#include "cli/arguments.hpp"
#include "cli/plan_answer.hpp"
#include "cli/plan_vary.hpp"
#include "cli/verb.hpp"
#include "reports/cells.hpp"
#include "reports/write.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

constexpr const char* kUsage =
    "usage: kvplan plan REQUEST.json [options]\n       kvplan plan REQUEST.json --vary PATH=V,V... [--grid]\n\n"
    "Finds the cheapest fleet that meets an SLO on a load, and says how sure that is: runners-up, what binds and what\n"
    "more of it is worth, sensitivity, break-even prices, regret. Every plan is simulated with its whole fleet, and "
    "with\n"
    "its spare nodes lost.\n\n";

constexpr const char* kExamples =
    "\nA request is JSON with comments (docs/planning.md), for example\n"
    "  { \"base\": {\"trace\": {\"users\": 40, \"duration_s\": 900}},\n"
    "    \"search\": {\"grid\": {\"hardware\": [\"x86-h100-sxm\", \"gh200-96\"], \"offload.mode\": [\"none\", "
    "\"dram\"]}},\n"
    "    \"objective\": \"usd_per_hour\", \"slo\": {\"ttft_s\": {\"p95\": 1.0}, \"tpot_s\": {\"p95\": 0.05}} }\n\n"
    "Exit codes: 0 a plan, 2 usage, 3 bad input, 4 no fleet meets the SLO (the nearest is told).\n";

po::options_description options() {
  po::options_description d("Options", 110, 70);
  d.add_options()("format", po::value<std::string>()->value_name("table|json")->default_value("table"),
                  "Form of the answer on stdout.")("out", po::value<std::string>()->value_name("DIR"),
                                                   "Write plan.json there, and a scenario for `kvplan run` a plan.")(
      "vary", po::value<std::vector<std::string>>()->composing()->value_name("PATH=V,V..."),
      "Plan for these values of the request as well (slo.ttft_s.p95=0.5,1), one at a time; may be repeated.")(
      "grid", "With several --vary: every combination of their values.")("help,h", "Print this.");
  return d;
}

int cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

void write_out(const std::string& folder, const Json& document) {
  write_file(folder + "/plan.json", json_text(document, 2) + "\n");
  if (!document["feasible"].get<bool>()) return;
  write_file(folder + "/recommended.scenario.json", json_text(document["recommended"]["scenario"], 2) + "\n");
  for (const Json& p : document["best_by_hardware"]) {
    std::string name = p["hardware"];
    std::replace(name.begin(), name.end(), '/', '_');
    write_file(folder + "/" + name + ".scenario.json", json_text(p["scenario"], 2) + "\n");
  }
}

// Whether the intervals are as narrow as asked; says what it would take.
void check_precision(const PlanRequest& r, const Json& plan) {
  if (!r.relative) return;
  for (const Json& s : plan["at_full_strength"]["slo"]) {
    const double value = s["value"].get<double>();
    if (!s["low"].is_null() && (s["high"].get<double>() - value) <= *r.relative * value) continue;
    std::string needed = "much longer";
    if (!s["low"].is_null()) {
      const double wide = (s["high"].get<double>() - value) / value / *r.relative;
      needed = fmt::format("about {:.0f} times as long", std::ceil(wide * wide));
    }
    throw InputError(Diagnostic{
        r.file, 0, 0,
        fmt::format("the load is too short for the confidence that is asked: {} is known to {}, and {:.0f} % are asked",
                    s["name"].get<std::string>(),
                    s["low"].is_null() ? "no interval"
                                       : fmt::format("{:.0f} %", 100 * (s["high"].get<double>() - value) / value),
                    100 * *r.relative),
        fmt::format("the load has to be {}: raise confidence.replications, trace.duration_s or trace.users", needed)});
  }
}

}  // namespace

ExitCode plan_verb(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description all = options();
  all.add_options()("request", po::value<std::string>());
  const po::variables_map values = parse_arguments(all, {"request"}, arguments);
  if (values.count("help")) {
    streams.out << kUsage << options() << kExamples;
    return ExitCode::done;
  }
  if (!values.count("request")) throw UsageError("which request?", "`kvplan plan --help` tells more");
  const std::string format = values["format"].as<std::string>();
  if (format != "table" && format != "json")
    throw UsageError(fmt::format("no format \"{}\"", format), suggestion(format, {"table", "json"}));
  if (values.count("vary")) {
    std::vector<Varied> varied;
    for (const std::string& v : values["vary"].as<std::vector<std::string>>()) varied.push_back(parse_vary(v));
    const Json rows =
        vary_plans(values["request"].as<std::string>(), varied, values.count("grid") > 0, cores(), streams.err);
    streams.out << (format == "json" ? json_text(rows, 2) + "\n" : vary_text(rows));
    return ExitCode::done;
  }
  const auto start = std::chrono::steady_clock::now();
  PlanSolver solver(read_plan_request(values["request"].as<std::string>()), cores(), streams.err);
  const std::optional<Found> best = solver.solve();
  const Json document = plan_document(solver, best);
  streams.out << (format == "json" ? json_text(document, 2) + "\n" : plan_text(document));
  streams.err << fmt::format(
      "planned in {}\n",
      human_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));
  if (values.count("out")) {
    write_out(values["out"].as<std::string>(), document);
    streams.err << "results: " << values["out"].as<std::string>() << "\n";
  }
  if (!best) return ExitCode::infeasible;
  check_precision(solver.request(), document["recommended"]);
  return ExitCode::done;
}

}  // namespace kvplan

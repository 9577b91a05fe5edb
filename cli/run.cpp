#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "cli/events.hpp"
#include "cli/idle_options.hpp"
#include "cli/interval.hpp"
#include "cli/load_trace.hpp"
#include "cli/replay.hpp"
#include "cli/replications.hpp"
#include "cli/run_arguments.hpp"
#include "cli/run_folder.hpp"
#include "cli/verb.hpp"
#include "reports/flat.hpp"
#include "reports/markdown_text.hpp"
#include "reports/pretty.hpp"
#include "reports/requests_jsonl.hpp"
#include "reports/table.hpp"
#include "reports/timeline.hpp"
#include "reports/write.hpp"
#include "sim/simulation.hpp"

namespace kvplan {
namespace {

// One point of the comparison.
struct Combination {
  Scenario scenario;
  Hardware hardware;
  std::string offload;
  std::string name() const {
    const std::string also = scenario.has("fleet.also") ? " + " + scenario.text("fleet.also") : "";
    return hardware.name + also + " " + offload;
  }
};

std::vector<Combination> combinations(const Scenario& scenario) {
  std::vector<Combination> all;
  std::set<std::string> names;
  for (const std::string& name : scenario.texts("hardware")) {
    const Hardware hardware = load_hardware(scenario, name);
    if (!names.insert(hardware.name).second) {
      throw InputError(scenario.finding("hardware",
                                        fmt::format("{} is a second hardware with the name {}", name, hardware.name),
                                        "columns and folders are named after the hardware: rename one"));
    }
    for (const std::string& offload : scenario.texts("offload.mode")) {
      all.push_back({scenario.with("hardware", name).with("offload.mode", offload), hardware, offload});
    }
  }
  return all;
}

// What an earlier run left: files of two runs must never stand side by side, whenever this one is stopped. The result,
// which says that a run is whole, goes first and is written last.
void clear(const std::string& folder) {
  std::error_code absent;
  for (const char* name : {"result.json", "requests.jsonl", "events.jsonl"}) {
    std::filesystem::remove(std::filesystem::path(folder) / name, absent);
  }
}

Json confidence_of(const Combination& c, const Architecture& model, const Workload& workload,
                   const SimulationResult& first, const RunArguments& run, std::ostream& err) {
  Confidence confidence(run.level);
  confidence.add(workload, first, start_up(workload, first));
  for (std::int64_t n = 1; n < run.replications; ++n) {
    if (run.relative > 0 && confidence.within(run.relative)) break;
    const Scenario s = replication_of(c.scenario, n);
    const Workload load = with_chains(load_trace(s, run.strict, err));
    const SimulationConfig config = build_config(s, c.offload, c.hardware, model).config;
    if (same_load(load, workload) && !draws(config)) {
      err << "note: " << kNoRandomDraws << "\n";
      break;
    }
    const SimulationResult result = simulate(load, config);
    confidence.add(load, result, start_up(load, result));
  }
  return confidence.document();
}

// Simulates one combination and, with --out, writes it before the next begins: an interrupt keeps what is done.
Json simulate_one(const Combination& c, const Architecture& model, const Workload& workload, const RunArguments& run,
                  const std::string& folder, std::ostream& err) {
  Built built = build_config(c.scenario, c.offload, c.hardware, model);
  for (std::string& note : idle_fleet_options(run.scenario)) built.notes.push_back(std::move(note));
  EventLog log;
  Replay r = replay(c.scenario, c.hardware, model, built, workload, true, run.events ? &log : nullptr);
  const auto at_end = [&](const char* end) {
    Scenario s = c.scenario;
    s.assign("step_time.end", end, "--intervals");
    return replay(s, c.hardware, model, build_config(s, c.offload, c.hardware, model), workload);
  };
  if (!folder.empty()) clear(folder);
  if (run.events) keep_events(workload, built.config, r.result, log, run.check, folder, err);
  if (run.intervals) r.document["interval"] = interval_of(r.document, at_end("low").document, at_end("high").document);
  if (run.replications > 0) r.document["confidence"] = confidence_of(c, model, workload, r.result, run, err);
  if (!folder.empty()) {
    write_file(folder + "/requests.jsonl", requests_jsonl(workload, r.result));
    write_file(folder + "/result.json", pretty(r.document));
  }
  if (!run.timeline.empty()) write_file(run.timeline, timeline_of(folder, {}).json);
  return std::move(r.document);
}

std::vector<Column> simulate_all(const RunArguments& run, Streams streams) {
  const Architecture model = load_model(run.scenario);
  const std::vector<Combination> all = combinations(run.scenario);
  if (!run.timeline.empty() && all.size() > 1) {
    throw UsageError("--timeline draws one run, and several are compared", "`kvplan timeline` draws each of their folders");
  }
  const Workload workload = with_chains(load_trace(run.scenario, run.strict, streams.err));
  std::vector<Column> columns;
  for (const Combination& c : all) {
    const std::string folder =
        run.out.empty() || all.size() == 1 ? run.out : run.out + "/" + combination_folder(c.name());
    Column column{c.name(), nullptr, ""};
    try {
      column.document = simulate_one(c, model, workload, run, folder, streams.err);
      const Json& s = column.document["simulation"];
      streams.err << fmt::format("{}: {} requests, {} simulated in {}\n", one_line(c.name()), workload.turns.size(),
                                 human_seconds(s["simulated_s"].get<double>()),
                                 human_seconds(s["wall_s"].get<double>()));
    } catch (const InfeasibleError& e) {
      if (all.size() == 1) throw;
      column.infeasible = without_prefix(e.what());
    }
    columns.push_back(std::move(column));
  }
  if (!run.out.empty() && all.size() > 1)
    write_file(run.out + "/comparison.json", pretty(comparison_document(columns)));
  return columns;
}

std::string rendered(const std::vector<Column>& columns, Format format, bool colour) {
  std::vector<TitledRows> below = confidence_rows(columns);
  for (TitledRows& rows : interval_rows(columns)) below.push_back(std::move(rows));
  switch (format) {
    case Format::table:
      return text_table(columns, colour) + as_text(below);
    case Format::md:
      return markdown_table(columns) + as_markdown(below);
    case Format::csv:
      return csv_table(columns);
    case Format::json:
      break;
  }
  return pretty(columns.size() == 1 ? columns[0].document : comparison_document(columns));
}

ExitCode outcome(const std::vector<Column>& columns) {
  if (!base_of(columns)) return ExitCode::infeasible;
  for (const Column& c : columns) {
    if (!c.document.is_null() && !targets_met(c.document)) return ExitCode::target_missed;
  }
  return ExitCode::done;
}

constexpr const char* kHints =
    "\nTry next:\n"
    "  kvplan run --hardware x86-h100-sxm,gh200-96 --offload none,dram   compare hosts, with and without offload\n"
    "  kvplan run --trace FILE --model llama-3.1-70b --tp 4              your own trace (Mooncake JSONL)\n"
    "  kvplan run --print-config                                        every option, and where it is set\n"
    "  kvplan run --help\n";

}  // namespace

ExitCode run_verb(const std::vector<std::string>& arguments, Streams streams) {
  const RunArguments run = parse_run(arguments);
  if (run.help) {
    streams.out << run_help();
    return ExitCode::done;
  }
  if (run.print_config) {
    streams.out << print_config(run.scenario);
    return ExitCode::done;
  }
  const std::vector<Column> columns = simulate_all(run, streams);
  streams.out << rendered(columns, run.format, streams.colour);
  if (!run.out.empty()) streams.err << fmt::format("results: {}\n", run.out);
  if (arguments.empty()) streams.err << kHints;
  if (run.relative > 0) require_precision(columns, run.relative);
  return outcome(columns);
}

}  // namespace kvplan

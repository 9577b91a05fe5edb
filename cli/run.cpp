#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "cli/build_config.hpp"
#include "cli/load_trace.hpp"
#include "cli/provenance.hpp"
#include "cli/run_arguments.hpp"
#include "cli/verb.hpp"
#include "reports/flat.hpp"
#include "reports/requests_jsonl.hpp"
#include "reports/table.hpp"
#include "reports/write.hpp"
#include "sim/simulation.hpp"

namespace kvplan {
namespace {

std::string without_prefix(const std::string& what) {
  const std::string prefix = "error: ";
  return what.rfind(prefix, 0) == 0 ? what.substr(prefix.size()) : what;
}

// One point of the comparison.
struct Combination {
  Scenario scenario;
  Hardware hardware;
  std::string offload;
  std::string name() const { return hardware.name + " " + offload; }
  std::string folder() const {
    std::string folder = hardware.name + "-" + offload;
    std::replace(folder.begin(), folder.end(), '/', '_');
    return folder;
  }
};

// A name that the library does not know is a finding at the place that set it.
template <class Load>
auto load_named(const Scenario& scenario, const char* option, const std::string& name, Load load) {
  try {
    return load(name);
  } catch (const InputError& e) {
    std::vector<Diagnostic> findings = e.findings();
    for (Diagnostic& d : findings) {
      if (d.file.empty()) d = scenario.finding(option, d.message, d.help);
    }
    throw InputError(findings);
  }
}

std::vector<Combination> combinations(const Scenario& scenario) {
  std::vector<Combination> all;
  std::set<std::string> names;
  for (const std::string& name : scenario.texts("hardware")) {
    const Hardware hardware = load_named(scenario, "hardware", name, load_hardware);
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

std::vector<std::string> notes_of(const Built& built, const Workload& workload) {
  std::vector<std::string> notes = built.notes;
  for (const WorkloadNote& n : workload.notes) {
    notes.push_back(n.rows > 0 ? fmt::format("trace: {} ({} rows)", n.what, n.rows) : fmt::format("trace: {}", n.what));
  }
  return notes;
}

Targets targets_of(const Scenario& s) {
  Targets t;
  if (s.has("slo.ttft_s")) t.ttft_s = s.number("slo.ttft_s");
  if (s.has("slo.tpot_s")) t.tpot_s = s.number("slo.tpot_s");
  t.quantile = s.number("slo.quantile");
  return t;
}

// Simulates one combination and, with --out, writes it before the next begins: an interrupt keeps what is done.
Json simulate_one(const Combination& c, const Built& built, const Architecture& model, const Workload& workload,
                  const std::string& folder) {
  const auto start = std::chrono::steady_clock::now();
  const SimulationResult result = simulate(workload, built.config);
  const double wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  Json document =
      result_document({workload, built.config, result, c.hardware, built.gpus_per_replica, targets_of(c.scenario),
                       wall_s, notes_of(built, workload), provenance(c.scenario, workload, c.hardware, model, built)});
  if (!folder.empty()) {
    write_file(folder + "/requests.jsonl", requests_jsonl(workload, result));
    write_file(folder + "/result.json", document.dump(2) + "\n");
  }
  return document;
}

std::vector<Column> simulate_all(const RunArguments& run, Streams streams) {
  const Architecture model = load_named(run.scenario, "model", run.scenario.text("model"), load_architecture);
  const std::vector<Combination> all = combinations(run.scenario);
  const Workload workload = load_trace(run.scenario, run.strict);
  std::vector<Column> columns;
  for (const Combination& c : all) {
    const std::string folder = run.out.empty() || all.size() == 1 ? run.out : run.out + "/" + c.folder();
    Column column{c.name(), nullptr, ""};
    try {
      column.document =
          simulate_one(c, build_config(c.scenario, c.offload, c.hardware, model), model, workload, folder);
      const Json& s = column.document["simulation"];
      streams.err << fmt::format("{}: {} requests, {} simulated in {}\n", c.name(), workload.turns.size(),
                                 human_seconds(s["simulated_s"].get<double>()),
                                 human_seconds(s["wall_s"].get<double>()));
    } catch (const InfeasibleError& e) {
      if (all.size() == 1) throw;
      column.infeasible = without_prefix(e.what());
    }
    columns.push_back(std::move(column));
  }
  if (!run.out.empty() && all.size() > 1)
    write_file(run.out + "/comparison.json", comparison_document(columns).dump(2) + "\n");
  return columns;
}

std::string rendered(const std::vector<Column>& columns, Format format, bool colour) {
  switch (format) {
    case Format::table:
      return text_table(columns, colour);
    case Format::md:
      return markdown_table(columns);
    case Format::csv:
      return csv_table(columns);
    case Format::json:
      break;
  }
  return (columns.size() == 1 ? columns[0].document : comparison_document(columns)).dump(2) + "\n";
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
  return outcome(columns);
}

}  // namespace kvplan

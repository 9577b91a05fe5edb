#include "cli/replay.hpp"

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <iostream>

#include "cli/provenance.hpp"
#include "cli/run_progress.hpp"
#include "reports/over_time.hpp"
#include "sim/simulation.hpp"

namespace kvplan {
namespace {

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

}  // namespace

Architecture load_model(const Scenario& s) {
  return load_named(s, "model", s.text("model"), [](const std::string& name) { return load_architecture(name); });
}

Hardware load_hardware(const Scenario& s, const std::string& name) {
  return load_named(s, "hardware", name, [](const std::string& n) { return load_hardware(n); });
}

Replay replay(const Scenario& scenario, const Hardware& hardware, const Architecture& model, const Built& built,
              const Workload& workload, bool curves, EventLog* log) {
  check_load(scenario, built, workload);
  const double start_cpu_s = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  const auto start = std::chrono::steady_clock::now();
  Series series;
  Replay r = [&] {
    RunProgress progress(std::cerr, progress_wanted());
    series.watch([&](Time at, Time last_arrival) { progress.at(at, last_arrival); });
    return Replay{simulate(workload, built.config, log, curves ? &series : nullptr), nullptr};
  }();
  const double wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  RunFacts facts{workload,
                       built.config,
                       r.result,
                       hardware,
                       targets_of(scenario),
                       wall_s,
                       start_cpu_s,
                       notes_of(built, workload),
                       provenance(scenario, workload, hardware, model, built)};
  for (const OtherKind& kind : built.others) facts.others.push_back(&kind.hardware);
  r.document = result_document(facts);
  if (curves) add_curves(r.document, facts, series.samples());
  return r;
}

std::string without_prefix(const std::string& what) {
  const std::string prefix = "error: ";
  return what.rfind(prefix, 0) == 0 ? what.substr(prefix.size()) : what;
}

}  // namespace kvplan

// kvplan validate published: published results beside what kvplan predicts; the other words have files of their own.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "cli/arguments.hpp"
#include "cli/comparison_text.hpp"
#include "cli/validate_all.hpp"
#include "cli/validate_replay.hpp"
#include "cli/validate_run.hpp"
#include "cli/validate_server.hpp"
#include "cli/verb.hpp"
#include "validate/published.hpp"
#include "validate/queueing.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

void print_table(const Experiment& e, const char* against, std::ostream& out) {
  out << fmt::format("{}: {}\n  source     {}\n", e.name, e.title, e.source);
  for (const auto& [label, text] : e.inputs) out << fmt::format("  {:<10} {}\n", label, text);
  if (!e.skipped.empty()) {
    out << fmt::format("  SKIPPED    {}\n\n", e.skipped);
    return;
  }
  std::size_t wide = 0, gate = 4;
  for (const Comparison& c : e.comparisons)
    wide = std::max(wide, c.quantity.size()), gate = std::max(gate, gate_text(c).size());
  out << fmt::format("\n  {:<{}}{:>16}{:>16}{:>10}  {:>{}}\n", "", wide, "predicted", against, "error", "gate", gate);
  for (const Comparison& c : e.comparisons) {
    out << fmt::format("  {:<{}}{:>16}{:>16}{:>10}  {:>{}}  {:<7}{}\n", c.quantity, wide,
                       figure_text(c.predicted, c.unit), figure_text(c.published, c.unit), error_text(c), gate_text(c),
                       gate, verdict_text(c), c.remark.empty() ? "" : "(" + c.remark + ")");
  }
  for (const std::string& remark : e.remarks) out << "  note: " << remark << "\n";
  out << "\n";
}

nlohmann::ordered_json document(const Experiment& e) {
  nlohmann::ordered_json j = {{"name", e.name}, {"title", e.title}, {"source", e.source}, {"met", e.met()}};
  if (!e.skipped.empty()) j["skipped"] = e.skipped;
  for (const auto& [label, text] : e.inputs) j["inputs"][label] = text;
  j["comparisons"] = nlohmann::ordered_json::array();
  for (const Comparison& c : e.comparisons) {
    j["comparisons"].push_back({{"quantity", c.quantity},
                                {"unit", c.unit},
                                {"predicted", c.predicted},
                                {"published", c.published},
                                {"error", c.error()},
                                {"error_is", c.absolute ? "absolute" : "relative"},
                                {"tolerance", c.tolerance > 0 ? nlohmann::ordered_json(c.tolerance) : nullptr},
                                {"range", c.has_range() ? nlohmann::ordered_json{c.low, c.high} : nullptr},
                                {"verdict", verdict_text(c)},
                                {"remark", c.remark}});
  }
  j["remarks"] = e.remarks;
  return j;
}

}  // namespace

ExitCode validate_verb(const std::vector<std::string>& arguments, Streams streams) {
  if (!arguments.empty() && arguments.front() == "all") {
    return validate_all({arguments.begin() + 1, arguments.end()}, streams);
  }
  if (!arguments.empty() && arguments.front() == "server") {
    return validate_server({arguments.begin() + 1, arguments.end()}, streams);
  }
  if (!arguments.empty() && arguments.front() == "replay") {
    return validate_replay({arguments.begin() + 1, arguments.end()}, streams);
  }
  if (!arguments.empty() && arguments.front() == "run") {
    return validate_run({arguments.begin() + 1, arguments.end()}, streams);
  }
  po::options_description options("kvplan validate published [NAME]");
  options.add_options()("what", po::value<std::string>(), "published")("name", po::value<std::string>(),
                                                                       "one experiment; default: all")(
      "format", po::value<std::string>()->default_value("table"), "table or json")("help,h", "this text");
  const po::variables_map given = parse_arguments(options, {"what", "name"}, arguments);
  if (given.count("help")) {
    streams.out << "usage: kvplan validate published [NAME] [--format table|json]\n"
                   "       kvplan validate theory [--format table|json]\n"
                   "       kvplan validate server FILE.csv [options]   (kvplan validate server --help)\n"
                   "       kvplan validate replay plan|predict|canary|compare   (kvplan validate replay --help)\n"
                   "       kvplan validate run FOLDER                  (kvplan validate run --help)\n"
                   "       kvplan validate all [options]               (kvplan validate all --help)\n\n"
                   "Runs the published experiments that kvplan reproduces, and prints inputs, predicted and published\n"
                   "figures and errors; theory: queues beside their laws. Exit code 5 when a gate is missed.\n\nExperiments: "
                << fmt::format("{}", fmt::join(published_experiments(), ", "))
                << "\n\nExample:\n  kvplan validate published vllm-ttft\n";
    return ExitCode::done;
  }
  const std::string what = given.count("what") ? given["what"].as<std::string>() : "";
  const bool theory = what == "theory";
  if (what != "published" && !theory) {
    throw UsageError(fmt::format("kvplan validate needs to know what: \"{}\" is not known", what),
                     "kvplan validate published [" + fmt::format("{}", fmt::join(published_experiments(), "|")) +
                         "], kvplan validate theory, kvplan validate server FILE.csv, or kvplan validate all");
  }
  const std::string format = given["format"].as<std::string>();
  if (format != "table" && format != "json") {
    throw UsageError(fmt::format("unknown format \"{}\"", format), suggestion(format, {"table", "json"}));
  }
  if (theory && given.count("name")) throw UsageError("kvplan validate theory has no further names");
  std::vector<std::string> names = theory ? std::vector<std::string>{"queueing"} : published_experiments();
  if (given.count("name")) names = {given["name"].as<std::string>()};
  bool met = true;
  std::size_t skipped = 0;
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const std::string& name : names) {
    const Experiment e = theory ? queueing(std::thread::hardware_concurrency()) : run_published(name);
    met = met && e.met();
    skipped += !e.skipped.empty();
    if (format == "json") {
      all.push_back(document(e));
    } else {
      print_table(e, theory ? "theory" : "published", streams.out);
    }
  }
  if (format == "json") {
    streams.out << nlohmann::ordered_json{{"schema", "kvplan.validate/1"}, {"experiments", all}}.dump(2) << "\n";
  } else {
    streams.out << (met ? "every gate that ran is met" : "a gate is missed");
    streams.out << (skipped ? fmt::format("; {} skipped\n", skipped) : "\n");
  }
  return met ? ExitCode::done : ExitCode::target_missed;
}

}  // namespace kvplan

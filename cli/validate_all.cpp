#include "cli/validate_all.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.hpp"
#include "cli/accuracy.hpp"
#include "cli/arguments.hpp"
#include "cli/text_grid.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;

constexpr const char* kHelp =
    "usage: kvplan validate all [options]\n\n"
    "Compares every published experiment, the measured servers and the operators of every calibration that ships with\n"
    "what kvplan predicts. Real data are looked for under KVPLAN_DATA (default ../shared); what is not there is "
    "named.\n"
    "Exit code 5 when a gate is missed; with --check, when the file says something else than comes out now.\n\n";

std::string table(const std::vector<AccuracySection>& sections) {
  std::vector<std::vector<std::string>> rows = {{"section", "median", "gates met", "worst"}};
  for (const AccuracySection& s : sections) {
    if (s.absent.empty())
      rows.push_back({s.name, s.error, fmt::format("{} of {}", s.gates - s.missed.size(), s.gates), s.worst});
  }
  std::string text = text_grid(rows);
  for (const AccuracySection& s : sections) {
    if (!s.absent.empty()) text += fmt::format("NOT RUN  {}: {}\n", s.name, s.absent);
    for (const std::string& m : s.missed) text += fmt::format("MISSED   {}: {}\n", s.name, m);
  }
  return text;
}

Json document(const std::vector<AccuracySection>& sections) {
  Json all = Json::array();
  for (const AccuracySection& s : sections) {
    Json j = {{"name", s.name}, {"title", s.title}, {"data", s.data}};
    if (!s.absent.empty()) {
      j["not_run"] = s.absent;
    } else {
      j.update({{"median_error", s.error},
                {"worst", s.worst},
                {"gates", s.gates},
                {"missed", s.missed},
                {"left_out", s.left_out}});
    }
    all.push_back(std::move(j));
  }
  return {{"schema", "kvplan.validate-all/1"}, {"sections", all}};
}

ExitCode check(const std::vector<AccuracySection>& sections, const std::string& path, Streams streams) {
  std::size_t ran = 0;
  for (const AccuracySection& s : sections) {
    ran += s.absent.empty();
    if (!s.absent.empty()) streams.err << fmt::format("not compared: {}: {}\n", s.name, s.absent);
  }
  const std::vector<std::string> differences = accuracy_differences(sections, read_text_file(path));
  for (const std::string& d : differences) streams.out << path << ": " << d << "\n";
  streams.out << (differences.empty()
                      ? fmt::format("{} says what comes out: {} of {} sections\n", path, ran, sections.size())
                      : fmt::format("if this is meant: kvplan validate all --format md >{}\n", path));
  return differences.empty() ? ExitCode::done : ExitCode::target_missed;
}

}  // namespace

ExitCode validate_all(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description options("Options", 110, 70);
  options.add_options()("help,h", "print this")("format",
                                                po::value<std::string>()->value_name("F")->default_value("table"),
                                                "table, md (docs/accuracy.md) or json")(
      "check", po::value<std::string>()->value_name("FILE"), "compare with what --format md once wrote")(
      "quick", "without the measured servers and without fitting operators again, which take seconds")(
      "threads", po::value<unsigned>()->value_name("N"), "to fit and simulate with; else all");
  const po::variables_map given = parse_arguments(options, {}, arguments);
  if (given.count("help")) {
    streams.out << kHelp << options << "\nExample:\n  kvplan validate all --check docs/accuracy.md\n";
    return ExitCode::done;
  }
  const std::string format = given["format"].as<std::string>();
  if (format != "table" && format != "json" && format != "md") {
    throw UsageError(fmt::format("unknown format \"{}\"", format), suggestion(format, {"table", "md", "json"}));
  }
  const unsigned threads =
      std::max(1u, given.count("threads") ? given["threads"].as<unsigned>() : std::thread::hardware_concurrency());
  const std::vector<AccuracySection> sections = accuracy_sections(given.count("quick") > 0, threads);
  if (given.count("check")) return check(sections, given["check"].as<std::string>(), streams);
  if (format == "json") {
    streams.out << document(sections).dump(2) << "\n";
  } else {
    streams.out << (format == "md" ? accuracy_markdown(sections) : table(sections));
  }
  const bool met =
      std::all_of(sections.begin(), sections.end(), [](const AccuracySection& s) { return s.missed.empty(); });
  return met ? ExitCode::done : ExitCode::target_missed;
}

}  // namespace kvplan

#include <fmt/format.h>

#include "base/embedded.hpp"
#include "cli/arguments.hpp"
#include "cli/reference.hpp"
#include "cli/verb.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

constexpr const char* kHelp =
    "usage: kvplan schema scenario|result [--format json|md]\n\n"
    "Prints the JSON Schema (draft-07) of scenario files, for editors, or of result.json, for scripts.\n\n"
    "  --format json|md   md: the scenario options as a table, as in docs/reference.md\n\n"
    "Example:\n"
    "  kvplan schema scenario > scenario.schema.json\n";

}  // namespace

ExitCode schema_verb(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description options;
  options.add_options()("help,h", "")("what", po::value<std::string>())(
      "format", po::value<std::string>()->default_value("json"));
  const po::variables_map values = parse_arguments(options, {"what"}, arguments);
  if (values.count("help")) {
    streams.out << kHelp;
    return ExitCode::done;
  }
  const std::string what = values.count("what") ? values["what"].as<std::string>() : "";
  const std::string format = values["format"].as<std::string>();
  if (what.empty()) throw UsageError("schema of what?", "kvplan schema scenario, or kvplan schema result");
  if (what != "scenario" && what != "result") {
    throw UsageError(fmt::format("there is no schema of \"{}\"", what), suggestion(what, {"scenario", "result"}));
  }
  if (format != "json" && !(format == "md" && what == "scenario")) {
    throw UsageError(fmt::format("no format \"{}\" for the schema of a {}", format, what),
                     what == "scenario" ? "json or md" : "json");
  }
  if (what == "result") {
    streams.out << embedded_file("reports/result.schema.json");
  } else if (format == "md") {
    streams.out << reference_markdown();
  } else {
    streams.out << scenario_schema().dump(2) << "\n";
  }
  return ExitCode::done;
}

}  // namespace kvplan

#include "cli/study.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/arguments.hpp"
#include "cli/deployment_facts.hpp"
#include "cli/text_grid.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

std::vector<const StudyEntry*> studies() {
  return {&kvpr_study(), &paging_study(), &storage_study(), &unified_memory_study()};
}

std::string help() {
  std::string text =
      "usage: kvplan study NAME [options]      (kvplan study NAME --help for the options of one)\n\n"
      "Closed forms and small programs, each on one question of where weights and KV lie:\n\n";
  for (const StudyEntry* s : studies()) text += fmt::format("  {:<16}{}\n", s->name, s->summary);
  return text + "\nExample:\n  kvplan study unified-memory --model llama-3.1-70b --hardware gh200-96\n";
}

void run(const StudyEntry& entry, const std::vector<std::string>& arguments, Streams streams) {
  po::options_description options(fmt::format("kvplan study {}", entry.name), 110, 70);
  const auto text = [](const char* value, const char* fallback) {
    return po::value<std::string>()->value_name(value)->default_value(fallback);
  };
  options.add_options()("help,h", "print this")("model", text("NAME", entry.model),
                                                "by name, or the path of a model file")(
      "hardware", text("NAME", entry.hardware), "by name, or the path of a hardware file")(
      "weights", text("DTYPE", "bf16"), "type of the weights")(
      "kv-dtype", text("DTYPE", "bf16"), "type of the KV cache")("format", text("F", "table"), "table or json");
  entry.add_options(options);
  const po::variables_map values = parse_arguments(options, {}, arguments);
  if (values.count("help")) {
    streams.out << entry.summary << "\n\n" << options;
    return;
  }
  const bool as_json = wants_json(values);
  const Architecture model = load_architecture(values["model"].as<std::string>());
  const Hardware hardware = load_hardware(values["hardware"].as<std::string>());
  Study study = entry.run(model, hardware, dtype_from_name(values["weights"].as<std::string>()),
                          dtype_from_name(values["kv-dtype"].as<std::string>()), values);
  study.document["notes"] = study.notes;
  if (as_json) {
    streams.out << study.document.dump(2) << "\n";
    return;
  }
  streams.out << text_grid(study.rows);
  for (const std::string& note : study.notes) streams.out << "note: " << note << "\n";
}

}  // namespace

ExitCode study_verb(const std::vector<std::string>& arguments, Streams streams) {
  if (arguments.empty()) throw UsageError("study needs a name", "kvplan study --help");
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h") {
    streams.out << help();
    return ExitCode::done;
  }
  std::vector<std::string> names;
  for (const StudyEntry* s : studies()) {
    if (name == s->name) {
      run(*s, {arguments.begin() + 1, arguments.end()}, streams);
      return ExitCode::done;
    }
    names.emplace_back(s->name);
  }
  throw UsageError(fmt::format("no study \"{}\"", name), suggestion(name, names));
}

}  // namespace kvplan

#include "cli/run_arguments.hpp"

#include <fmt/format.h>

#include <sstream>

#include "base/error.hpp"
#include "cli/arguments.hpp"
#include "cli/options.hpp"
#include "cli/presets.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

po::options_description flags() {
  po::options_description d("Options", 110, 70);
  auto add = d.add_options();
  add("set", po::value<std::vector<std::string>>()->composing()->value_name("PATH=VALUE"),
      "Set any scenario option; may be repeated.");
  for (const Option& o : option_table()) {
    if (o.flag.empty()) continue;
    const std::string metavar =
        o.choices.empty() ? (o.unit.empty() ? "VALUE" : o.unit) : fmt::format("{}", fmt::join(o.choices, "|"));
    add(o.flag.c_str(), po::value<std::string>()->value_name(metavar), o.help.c_str());
  }
  add("format", po::value<std::string>()->value_name("table|json|csv|md"), "Form of the result on stdout.");
  add("out", po::value<std::string>()->value_name("DIR"),
      "Write result.json and requests.jsonl there, in a folder a combination where there are several.");
  add("print-config", "Print each option, its value and where it came from, and stop.");
  add("intervals", "Run on both ends of the step times' 90 % interval as well, and print the least and most.");
  add("replications", po::value<std::int64_t>()->value_name("N"),
      "Simulate N times, each with a seed of its own (the same for every combination), and print intervals of all "
      "latencies, behind the start-up (MSER-5). The rest is told of the first.");
  add("level", po::value<double>()->value_name("SHARE"),
      "Confidence of these intervals, 0.5 to 0.999; 0.9 unless set.");
  add("relative", po::value<double>()->value_name("SHARE"),
      "Stop replicating when every interval is within this share of its value to either side; exit 3, with what it "
      "would take, where N replications do not get there.");
  add("events", "With --out: write events.jsonl as well, all that happens in the run (docs/event-log.md).");
  add("timeline", po::value<std::string>()->value_name("FILE"),
      "With --out: events.jsonl as well, and what happened as a file for Perfetto (`kvplan timeline` draws parts of it).");
  add("check",
      "Audit every invariant at every event, and check the log of events by the independent rules of `kvplan validate run`; "
      "with --out, events.jsonl is written as well.");
  add("strict", "Refuse a trace that would have to be repaired.");
  add("help,h", "Print this.");
  return d;
}

// The positional has no flag in the help.
po::options_description all() {
  po::options_description d = flags();
  d.add_options()("scenario", po::value<std::string>());
  return d;
}

Format format_of(const std::string& name) {
  const std::vector<std::string> names = {"table", "json", "csv", "md"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<Format>(i);
  }
  throw UsageError(fmt::format("--format must be one of {}, not \"{}\"", fmt::join(names, ", "), name),
                   suggestion(name, names));
}

}  // namespace

RunArguments parse_run(const std::vector<std::string>& arguments) {
  const po::variables_map values = parse_arguments(all(), {"scenario"}, arguments);
  RunArguments run;
  run.help = values.count("help") > 0;
  if (run.help) return run;
  run.print_config = values.count("print-config") > 0;
  run.strict = values.count("strict") > 0;
  run.intervals = values.count("intervals") > 0;
  run.check = values.count("check") > 0;
  run.events = run.check || values.count("events") > 0;
  if (values.count("format")) run.format = format_of(values["format"].as<std::string>());
  if (values.count("out")) {
    run.out = values["out"].as<std::string>();
    if (run.out.empty()) throw UsageError("--out needs a folder");
  }
  if (values.count("replications")) run.replications = integer_of(values, "replications", 1, 10'000);
  if (values.count("level")) run.level = number_of(values, "level", 0.5, 0.999);
  if (values.count("relative")) run.relative = number_of(values, "relative", 0.0001, 1);
  if (run.replications == 0 && (values.count("level") || values.count("relative")))
    throw UsageError("--level and --relative say something about replications", "--replications N");
  if (values.count("timeline")) {
    run.timeline = values["timeline"].as<std::string>();
    run.events = true;
    if (run.out.empty() || run.timeline.empty()) throw UsageError("--timeline needs a file and a folder", "--out DIR");
  }
  if (values.count("scenario")) run.scenario.apply(JsonFile::load(values["scenario"].as<std::string>()));
  if (values.count("set")) {
    for (const auto& assignment : values["set"].as<std::vector<std::string>>())
      run.scenario.assign(assignment, "--set");
  }
  if (run.check) run.scenario.assign("engine.check", "true", "--check");
  if (values.count("events") && run.out.empty()) throw UsageError("--events needs a folder to write to", "--out DIR");
  for (const Option& o : option_table()) {
    if (!o.flag.empty() && values.count(o.flag))
      run.scenario.assign(o.path, values[o.flag].as<std::string>(), "--" + o.flag);
  }
  apply_preset(run.scenario);
  return run;
}

std::string run_help() {
  std::ostringstream text;
  text << "usage: kvplan run [SCENARIO.json] [options]\n\n"
          "Replays a trace on a fleet and prints the verdict, latencies, hits, transfers and cost. Several values\n"
          "of --hardware and --offload, separated by commas, are simulated on the same load and compared.\n\n"
       << flags()
       << "\nA scenario is JSON with comments; `kvplan schema scenario --format md` lists its options.\n\n"
          "Examples:\n"
          "  kvplan run                                                   the sample trace on one H100\n"
          "  kvplan run --hardware x86-h100-sxm,gh200-96 --offload none,dram\n"
          "  kvplan run --trace conversation.jsonl.gz --model llama-3.1-70b --tp 4 --replicas 8 --out results\n"
          "  kvplan run chat.json --set offload.store=selective --set slo.ttft_s=2\n\n"
          "Exit codes: 0 done and targets met, 2 usage, 3 bad input, 4 nothing fits, 5 a target (slo.*) missed\n"
          "in any combination.\n";
  return text.str();
}

}  // namespace kvplan

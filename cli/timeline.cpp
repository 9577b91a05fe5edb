// kvplan timeline RESULT: what happened in a run, drawn by Perfetto.
#include "reports/timeline.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/error.hpp"
#include "cli/arguments.hpp"
#include "cli/run_folder.hpp"
#include "cli/verb.hpp"
#include "reports/write.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

constexpr const char* kUsage =
    "usage: kvplan timeline RESULT [--out timeline.json] [--from S] [--to S] [--every N] [--most N]\n\n"
    "Writes what happened in a run in Chrome's trace format, for https://ui.perfetto.dev: a lane for each replica's\n"
    "steps and each route of the links, a counter for what each memory holds, and a track for each request with its\n"
    "front end, queue, load, prefill and decode. RESULT is a folder that `kvplan run --events --out` wrote.\n\n";

constexpr const char* kExamples =
    "\nExamples:\n"
    "  kvplan run --offload dram --events --out result\n"
    "  kvplan timeline result --out timeline.json\n"
    "  kvplan timeline result --from 300 --to 330 --out half-a-minute.json\n";

po::options_description options() {
  po::options_description d("Options", 110, 70);
  d.add_options()("out", po::value<std::string>()->value_name("FILE"), "Write there; without, to stdout.")(
      "from", po::value<std::string>()->value_name("S"), "Seconds of the run from which on things are drawn.")(
      "to", po::value<std::string>()->value_name("S"), "And until when.")(
      "every", po::value<std::string>()->value_name("N")->default_value("1"), "Draw every N-th request of them.")(
      "most", po::value<std::string>()->value_name("N")->default_value("200000"),
      "Events in the file, about. Beyond it requests are sampled, and steps and transfers in a row share a slice.")(
      "help,h", "Print this.");
  return d;
}

double number(const po::variables_map& values, const char* name, double least, double most) {
  const auto& text = values[name].as<std::string>();
  char* end = nullptr;
  const double x = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(x >= least && x <= most))
    throw UsageError(fmt::format("--{} is \"{}\", expected a number from {:g} to {:g}", name, text, least, most));
  return x;
}

TimelineOptions read_options(const po::variables_map& values) {
  TimelineOptions o;
  if (values.count("from")) o.from = time_from_seconds(number(values, "from", 0, kMostSeconds));
  if (values.count("to")) o.to = time_from_seconds(number(values, "to", 0, kMostSeconds));
  if (o.from >= o.to) throw UsageError("--from must be before --to");
  o.every = static_cast<std::int64_t>(number(values, "every", 1, 1e9));
  o.most = static_cast<std::int64_t>(number(values, "most", 100, 1e9));
  return o;
}

}  // namespace

ExitCode timeline_verb(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description all = options();
  all.add_options()("result", po::value<std::string>());
  const po::variables_map values = parse_arguments(all, {"result"}, arguments);
  if (values.count("help")) {
    streams.out << kUsage << options() << kExamples;
    return ExitCode::done;
  }
  if (!values.count("result")) throw UsageError("which result?", "`kvplan run --events --out DIR` writes one");
  const TimelineOptions o = read_options(values);
  const Timeline t = timeline_of(run_folder(values["result"].as<std::string>()), o);
  if (values.count("out")) {
    write_file(values["out"].as<std::string>(), t.json);
    streams.err << fmt::format("timeline: {}; open it at https://ui.perfetto.dev\n", values["out"].as<std::string>());
  } else {
    streams.out << t.json;
  }
  streams.err << fmt::format("{} events; {} requests", t.events, t.requests);
  if (t.every > 1) streams.err << fmt::format(", every {}-th of those in the window", t.every);
  if (t.slices_merged > 1)
    streams.err << fmt::format("; up to {} steps or transfers in a row share a slice", t.slices_merged);
  streams.err << "\n";
  return ExitCode::done;
}

}  // namespace kvplan

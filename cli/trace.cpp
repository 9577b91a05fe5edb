// kvplan trace ...: finds the part, and what the parts share.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "cli/arguments.hpp"
#include "cli/interrupt.hpp"
#include "cli/load_trace.hpp"
#include "cli/options.hpp"
#include "cli/trace_verbs.hpp"
#include "traces/load.hpp"
#include "traces/synth.hpp"
#include "traces/workload_file.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;

struct Part {
  const char* name;
  const char* usage;
  const char* summary;
  VerbFunction run;
};

const std::vector<Part>& parts() {
  static const std::vector<Part> table = {
      {"stat", "stat TRACE", "lengths, arrivals, sessions, sharing and reuse of a trace", trace_stat},
      {"mrc", "mrc TRACE", "hit rate of a prefix cache against its capacity, by eviction policy", trace_mrc},
      {"convert", "convert IN", "writes a trace of any format as another", trace_convert},
      {"synth", "synth", "writes synthetic multi-turn sessions, from settings or like a given trace", trace_synth},
  };
  return table;
}

Words names() {
  Words all;
  for (const Part& p : parts()) all.push_back(p.name);
  return all;
}

void print_help(std::ostream& out) {
  out << fmt::format("usage: kvplan trace {} ...\n\n", fmt::join(names(), "|"));
  for (const Part& p : parts()) out << fmt::format("  {:<12}{}\n", p.usage, p.summary);
  out << "\n`kvplan trace mrc --help` tells more of each; docs/formats.md tells which traces can be read.\n";
}

// A trace verb knows the load, and nothing of what would serve it.
void assign_load(Scenario& scenario, const std::string& assignment) {
  const std::string path = assignment.substr(0, assignment.find('='));
  if (find_option(path) != nullptr && path != "seed" && (!path.starts_with("trace.") || path == "trace.path")) {
    throw UsageError(fmt::format("--set {}: only trace.* and seed say something about a load", path),
                     path == "trace.path" ? "the trace is the word without dashes" : "kvplan run knows the others");
  }
  scenario.assign(assignment, "--set");
}

// Digits that differ from run to run, so they stand on stderr only.
std::string cost_text(const LoadCost& cost, const Workload& w) {
  const auto mb = [](double bytes) { return bytes / 1e6; };
  const double text = mb(static_cast<double>(cost.text_bytes)), load = mb(static_cast<double>(bytes_of(w)));
  return fmt::format(
      "read: {:.1f} MB of text in {:.3f} s, of its thread {:.3f} s ({:.0f} MB/s); compiled in {:.3f} s to {:.1f} MB; "
      "peak memory {:.1f} MB\n",
      text, cost.read_s, cost.read_cpu_s, text / std::max(cost.read_cpu_s, 1e-9), cost.compile_s, load,
      peak_memory_mb());
}

}  // namespace

po::options_description trace_options() {
  po::options_description d("Options", 110, 70);
  d.add_options()("help,h", "Print this.")("strict", "Refuse a trace that would have to be repaired.")(
      "block-tokens", po::value<std::string>()->value_name("N"),
      "Tokens that one hash of the trace covers (trace.block_tokens).")(
      "set", po::value<Words>()->composing()->value_name("PATH=VALUE"),
      "Transform the load first: any trace.* option of a scenario, or seed; may be repeated "
      "(`kvplan schema scenario --format md` lists them).");
  return d;
}

po::variables_map parse_trace_arguments(const po::options_description& shown, const char* positional,
                                        const Words& arguments) {
  po::options_description all;
  all.add(shown).add_options()(positional, po::value<std::string>());
  return parse_arguments(all, {positional}, arguments);
}

void write_trace(const std::string& out, Streams streams, const std::function<void(std::ostream&)>& write) {
  if (out == "-") return write(streams.out);
  const Interrupt interrupt;
  write_trace_file(out, write, [&] { return interrupt.asked(); });
}

double peak_memory_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

std::int32_t block_tokens_of(const po::variables_map& values) {
  const std::string text = values["block-tokens"].as<std::string>();
  std::int32_t tokens = 0;
  if (parse_whole(text, tokens) && tokens >= 1 && tokens <= 65536) return tokens;
  throw UsageError(fmt::format("--block-tokens is \"{}\", expected tokens from 1 to 65536", text));
}

std::string choice(const po::variables_map& values, const char* option, const Words& allowed) {
  const std::string name = values[option].as<std::string>();
  if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) return name;
  throw UsageError(fmt::format("--{} must be one of {}, not \"{}\"", option, fmt::join(allowed, ", "), name),
                   suggestion(name, allowed));
}

Workload load_for_verb(const po::variables_map& values, Streams streams, const char* option) {
  if (!values.count(option)) throw UsageError("which trace?", "give the path of a trace");
  Scenario scenario;
  scenario.assign("trace.path", values[option].as<std::string>(), "the command line");
  scenario.assign("trace.tick_s", "0", "trace verbs");
  if (values.count("block-tokens")) {
    scenario.assign("trace.block_tokens", values["block-tokens"].as<std::string>(), "--block-tokens");
  }
  if (values.count("set")) {
    for (const std::string& assignment : values["set"].as<Words>()) assign_load(scenario, assignment);
  }
  LoadCost cost;
  Workload workload = load_trace(scenario, values.count("strict") > 0, streams.err, &cost);
  if (cost.text_bytes > 0) streams.err << cost_text(cost, workload);
  for (const WorkloadNote& n : workload.notes) streams.err << fmt::format("note: {} ({} rows)\n", n.what, n.rows);
  return workload;
}

ExitCode trace_verb(const std::vector<std::string>& arguments, Streams streams) {
  const std::string what = arguments.empty() ? "" : arguments.front();
  const Words rest(arguments.empty() ? arguments.begin() : arguments.begin() + 1, arguments.end());
  for (const Part& p : parts()) {
    if (what == p.name) return p.run(rest, streams);
  }
  if (what == "--help" || what == "-h") {
    print_help(streams.out);
    return ExitCode::done;
  }
  throw UsageError(what.empty() ? fmt::format("trace needs what to do: {}", fmt::join(names(), ", "))
                                : fmt::format("no such thing to do with a trace: \"{}\"", what),
                   what.empty() ? "" : suggestion(what, names()));
}

}  // namespace kvplan

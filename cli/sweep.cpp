// kvplan sweep SWEEP.json | sweep merge DIR | sweep submit SWEEP.json
#include <fmt/format.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <sstream>

#include "base/json_text.hpp"
#include "cli/arguments.hpp"
#include "cli/idle_options.hpp"
#include "cli/interrupt.hpp"
#include "cli/load_trace.hpp"
#include "cli/replay.hpp"
#include "cli/sweep_file.hpp"
#include "cli/sweep_progress.hpp"
#include "cli/verb.hpp"
#include "cli/workload_cache.hpp"
#include "plan/merge.hpp"
#include "plan/run_points.hpp"
#include "plan/slurm.hpp"
#include "reports/write.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;

constexpr int kMaxJobs = 1024;
constexpr auto kPatience = 2s;  // for points that still run after an interrupt

constexpr const char* kUsage =
    "usage: kvplan sweep SWEEP.json --out DIR [options]\n"
    "       kvplan sweep merge DIR [--format csv|json|jsonl] [--allow-missing] [--output FILE]\n"
    "       kvplan sweep submit SWEEP.json --engine slurm --shards N --out DIR [--jobs K] [--print]\n\n"
    "Simulates every point of a sweep: a base scenario, and what varies. Points run on all cores, the longest first;\n"
    "each leaves one file in DIR. A sweep that was stopped, in whatever way, goes on where it was when it is started\n"
    "again. Several processes and machines may share DIR.\n\n";

constexpr const char* kExamples =
    "\nA sweep is JSON with comments (docs/sweeps.md):\n"
    "  { \"base\": \"chat.json\",\n"
    "    \"vary\": { \"grid\": { \"hardware\": [\"x86-h100-sxm\", \"gh200-96\"], \"replicas\": [1, 2, 4] } } }\n\n"
    "Exit codes: 0 every point has a record, 2 usage, 3 bad input, 4 no point is feasible, or (merge) points are\n"
    "missing, 130 interrupted.\n";

// Cores that this process may use; a batch system may have given it fewer than the machine has.
int cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

std::optional<std::string> text_of(const po::variables_map& values, const char* name) {
  return values.count(name) ? std::optional(values[name].as<std::string>()) : std::nullopt;
}

std::string required(const po::variables_map& values, const char* name, const char* why) {
  const std::optional<std::string> text = text_of(values, name);
  if (!text || text->empty()) throw UsageError(why, "`kvplan sweep --help` tells more");
  return *text;
}

int jobs_of(const po::variables_map& values, int otherwise) {
  const std::optional<std::string> text = text_of(values, "jobs");
  if (!text) return otherwise;
  int jobs = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), jobs);
  if (error == std::errc() && end == text->data() + text->size() && jobs >= 1 && jobs <= kMaxJobs) return jobs;
  throw UsageError(fmt::format("--jobs is \"{}\", expected an integer from 1 to {}", *text, kMaxJobs));
}

po::variables_map parse(po::options_description options, const char* positional, const Words& arguments) {
  options.add_options()("help,h", "")(positional, po::value<std::string>());
  return parse_arguments(options, {positional}, arguments);
}

// ---- run

po::options_description run_options() {
  po::options_description d("Options of a run", 110, 70);
  d.add_options()("out", po::value<std::string>()->value_name("DIR"), "Folder of the results.")(
      "jobs", po::value<std::string>()->value_name("K"), "Points at a time; without, one a core.")(
      "shard", po::value<std::string>()->value_name("I/N"), "Only the I-th of N parts; I counts from 0.")(
      "shards", po::value<std::string>()->value_name("N"),
      "The same, with I from SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX or PBS_ARRAY_INDEX.")(
      "dry-run", "Check the sweep, list its points, and stop.");
  return d;
}

std::string status_of(const std::optional<Json>& record) {
  if (!record) return "to do";
  return (*record)["failure"].is_null() ? "done" : "failed";
}

void list_points(const SweepFile& sweep, const std::vector<SweepPoint>& part, const std::string& out, Streams streams) {
  std::map<std::string, std::int64_t> loads;
  for (const SweepPoint& p : part) ++loads[p.group];
  streams.out << fmt::format("{} points in all; {} different ones here, over {} {}\n", sweep.plan.points.size(),
                             part.size(), loads.size(), loads.size() == 1 ? "load" : "loads");
  const ResultFolder folder(out);
  for (const SweepPoint& p : part) {
    const std::string status = out.empty() ? "to do" : status_of(folder.read(p.id));
    streams.out << fmt::format("{:>6}  {}  {:<6}  {}\n", p.index, p.id.substr(0, 12), status, json_text(p.values));
  }
}

// The document of one point, without its wall-clock facts.
Json evaluate(const SweepFile& sweep, const SweepPoint& point, WorkloadCache& loads, std::ostream& err) {
  const Scenario s = sweep.scenario(point);
  const WorkloadCache::Shared load = loads.get(point.group, [&] { return with_chains(load_trace(s, false, err)); });
  const Architecture model = load_model(s);
  const Hardware hardware = load_hardware(s, s.texts("hardware").at(0));
  Built built = build_config(s, s.texts("offload.mode").at(0), hardware, model);
  for (std::string& note : idle_fleet_options(s)) built.notes.push_back(std::move(note));
  Json document = replay(s, hardware, model, built, *load).document;
  document.erase("simulation");
  return document;
}

// Leaves the process where points run too long to wait for: all that is done is on disk already.
[[noreturn]] void drop_the_rest(const PointCounts& p, Streams streams) {
  streams.err << fmt::format("interrupted: {} of {} points are kept, {} were dropped; run it again to go on\n",
                             p.recorded(), p.points, p.running)
              << std::flush;
  std::_Exit(static_cast<int>(ExitCode::interrupted));
}

SweepOutcome run_part(const SweepFile& sweep, const std::vector<SweepPoint>& part, const ResultFolder& folder, int jobs,
                      Streams streams) {
  std::vector<std::string> keys;
  for (const SweepPoint& p : part) keys.push_back(p.group);
  WorkloadCache loads(keys);
  SweepProgress shown(streams.err, &streams.err == &std::cerr && ::isatty(STDERR_FILENO) == 1);
  const Interrupt interrupt;
  std::optional<std::chrono::steady_clock::time_point> asked;
  const auto tick = [&](const PointCounts& p) {
    shown.show(p);
    if (!interrupt.asked()) return true;
    const auto now = std::chrono::steady_clock::now();
    if (!asked) asked = now;
    if (p.running > 0 && now - *asked > kPatience) shown.clear(), drop_the_rest(p, streams);
    return false;
  };
  std::mutex mutex;
  std::string said;  // by the threads
  const auto evaluate_here = [&](const SweepPoint& p) {
    std::ostringstream err;
    Json document = evaluate(sweep, p, loads, err);
    const std::lock_guard lock(mutex);
    said += err.str();
    return document;
  };
  SweepOutcome outcome = run_points(folder, part, jobs, evaluate_here, tick);
  shown.clear();
  streams.err << said;
  return outcome;
}

ExitCode verdict(const SweepOutcome& outcome, const std::string& out, Streams streams) {
  const PointCounts& p = outcome.progress;
  for (const std::string& e : outcome.errors) streams.err << "error: " << e << "\n";
  std::string text = fmt::format("{} of {} points have a record", p.recorded(), p.points);
  if (p.kept > 0) text += fmt::format(", {} from before", p.kept);
  if (p.failed > 0) text += fmt::format(", {} failed just now (`kvplan sweep merge` tells why)", p.failed);
  streams.err << text << ": " << out << "\n";
  if (p.stopping) {
    streams.err << "interrupted; run it again to go on\n";
    return ExitCode::interrupted;
  }
  if (!outcome.errors.empty()) return ExitCode::internal;
  return p.points > 0 && p.failed == p.points ? ExitCode::infeasible : ExitCode::done;
}

ExitCode run(const Words& arguments, Streams streams) {
  const po::variables_map values = parse(run_options(), "sweep", arguments);
  if (values.count("help")) {
    streams.out << kUsage << run_options() << kExamples;
    return ExitCode::done;
  }
  const std::string file = required(values, "sweep", "which sweep?");
  const Shard shard = choose_shard(text_of(values, "shard"), text_of(values, "shards"), ::getenv);
  const int jobs = jobs_of(values, cores());
  const bool dry = values.count("dry-run") > 0;
  const std::string out = dry ? text_of(values, "out").value_or("") : required(values, "out", "--out needs a folder");
  const SweepFile sweep = read_sweep(file);
  const std::vector<SweepPoint> part = part_of(work_order(sweep.plan.points), shard);
  if (!shard.origin.empty()) {
    streams.err << fmt::format("shard {} of {} ({}): {} of {} points\n", shard.index, shard.count, shard.origin,
                               part.size(), sweep.plan.points.size());
  }
  if (dry) {
    list_points(sweep, part, out, streams);
    return ExitCode::done;
  }
  const ResultFolder folder(out);
  folder.prepare();
  agree_on(sweep.plan, folder);
  return verdict(run_part(sweep, part, folder, jobs, streams), out, streams);
}

// ---- merge

po::options_description merge_options() {
  po::options_description d("Options of merge", 110, 70);
  d.add_options()("format", po::value<std::string>()->value_name("csv|json|jsonl")->default_value("csv"),
                  "Rows with the scalars of each result (csv, jsonl), or the results whole (json).")(
      "allow-missing", "Merge what there is; missing points have a row that says so.")(
      "output", po::value<std::string>()->value_name("FILE"), "Write there, whole or not at all, not to stdout.");
  return d;
}

std::string some_of(const std::vector<std::int64_t>& indices) {
  constexpr std::size_t kShown = 10;
  const std::vector<std::int64_t> first(indices.begin(), indices.begin() + std::min(indices.size(), kShown));
  return fmt::format("{}{}", fmt::join(first, ", "), indices.size() > kShown ? ", ..." : "");
}

ExitCode merge(const Words& arguments, Streams streams) {
  const po::variables_map values = parse(merge_options(), "folder", arguments);
  if (values.count("help")) {
    streams.out << kUsage << merge_options();
    return ExitCode::done;
  }
  const std::string out = required(values, "folder", "which folder?"), format = values["format"].as<std::string>();
  const Words formats = {"csv", "json", "jsonl"};
  if (std::find(formats.begin(), formats.end(), format) == formats.end()) {
    throw UsageError(fmt::format("--format must be one of {}, not \"{}\"", fmt::join(formats, ", "), format),
                     suggestion(format, formats));
  }
  const MergedSweep sweep = merge(ResultFolder(out));
  const bool allowed = sweep.complete() || values.count("allow-missing") > 0;
  if (!sweep.failed.empty()) {
    const std::size_t first = static_cast<std::size_t>(sweep.failed[0]);
    streams.err << fmt::format("{} of {} points failed ({}); point {}: {}\n", sweep.failed.size(), sweep.records.size(),
                               some_of(sweep.failed), first,
                               (*sweep.records[first])["failure"]["reason"].get<std::string>());
  }
  if (!sweep.complete()) {
    streams.err << fmt::format(
        "{}: {} of {} points are missing ({})\n{}", allowed ? "note" : "error", sweep.missing.size(),
        sweep.records.size(), some_of(sweep.missing),
        allowed ? "" : "  help: run the sweep again to do them, or merge with --allow-missing\n");
  }
  if (!allowed) return ExitCode::infeasible;
  const std::string text = format == "csv"    ? merged_csv(sweep)
                           : format == "json" ? merged_json(sweep)
                                              : merged_jsonl(sweep);
  if (const auto file = text_of(values, "output")) {
    write_file(*file, text);
  } else {
    streams.out << text;
  }
  return ExitCode::done;
}

// ---- submit

po::options_description submit_options() {
  po::options_description d("Options of submit", 110, 70);
  d.add_options()("engine", po::value<std::string>()->value_name("slurm")->default_value("slurm"), "Batch system.")(
      "shards", po::value<std::string>()->value_name("N"), "Tasks of the array; a few minutes each are best.")(
      "out", po::value<std::string>()->value_name("DIR"), "Folder of the results, shared by all nodes.")(
      "jobs", po::value<std::string>()->value_name("K"), "Cores of a task; without, 1.")("print",
                                                                                         "Print the script, and stop.");
  return d;
}

ExitCode submit(const Words& arguments, Streams streams) {
  const po::variables_map values = parse(submit_options(), "sweep", arguments);
  if (values.count("help")) {
    streams.out << kUsage << submit_options();
    return ExitCode::done;
  }
  const std::string engine = values["engine"].as<std::string>();
  if (engine != "slurm") {
    throw UsageError(fmt::format("no engine \"{}\"", engine), "known: slurm; docs/sweeps.md has recipes for others");
  }
  const std::string file = required(values, "sweep", "which sweep?");
  const std::string out = fs::absolute(required(values, "out", "--out needs a folder")).lexically_normal();
  const int shards = shard_count(required(values, "shards", "--shards needs the number of tasks"));
  read_sweep(file);  // a sweep with errors is not worth a queue
  const std::string script =
      slurm_script({fs::read_symlink("/proc/self/exe"), fs::absolute(file), out, shards, jobs_of(values, 1)});
  if (values.count("print")) {
    streams.out << script;
    return ExitCode::done;
  }
  const std::string path = out + "/submit.sh";
  write_file(path, script);
  streams.out << std::flush;
  const int status = std::system(("exec /bin/sh " + shell_quoted(path)).c_str());
  if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return ExitCode::done;
  throw Error(ExitCode::bad_input,
              "error: the sweep could not be submitted; sbatch has said why\n  help: the script is " + path +
                  "; is this a node of a Slurm cluster?");
}

}  // namespace

ExitCode sweep_verb(const Words& arguments, Streams streams) {
  const Words rest(arguments.empty() ? arguments.end() : arguments.begin() + 1, arguments.end());
  if (!arguments.empty() && arguments[0] == "merge") return merge(rest, streams);
  if (!arguments.empty() && arguments[0] == "submit") return submit(rest, streams);
  return run(arguments, streams);
}

}  // namespace kvplan

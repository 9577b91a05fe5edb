// kvplan bench: fixed scenarios, how fast they replay, and a digest of what came
// out, so that a change of speed or of results is seen at once.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "cli/arguments.hpp"
#include "cli/load_trace.hpp"
#include "cli/replay.hpp"
#include "cli/verb.hpp"
#include "sim/simulation.hpp"

namespace kvplan {
namespace {

namespace po = boost::program_options;

struct Bench {
  const char* name;
  const char* what;
  std::vector<std::string> settings;  // over those that all share
};

// Llama-3.1-70B on TP4 at about three quarters of what eight replicas can take.
const std::vector<std::string> kShared = {"model=llama-3.1-70b", "tp=4", "replicas=8", "trace.rate_scale=1.5"};

const std::vector<Bench> kBenches = {
    {"g1", "8 replicas, HBM only", {"offload.mode=none"}},
    {"g2", "8 replicas, DRAM tier, contended links", {"offload.mode=dram"}},
    {"g2-stepped", "the same, one event a step", {"offload.mode=dram", "engine.step_by_step=true"}},
    {"g2-layerwise", "DRAM tier, layer-wise loads", {"offload.mode=dram", "offload.load=layerwise"}},
    {"g2-write-back", "DRAM tier, write-back", {"offload.mode=dram", "offload.store=back"}},
    {"g2-weighted", "DRAM tier, weighted router", {"offload.mode=dram", "router.policy=weighted"}},
    {"fleet", "64 replicas, eight times the load", {"offload.mode=dram", "replicas=64", "trace.copies=8"}},
};

// What a user of the results could see, as integers: equal digests, equal results.
std::string digest(const SimulationResult& r) {
  std::string bytes;
  const auto add = [&](std::int64_t v) { bytes.append(reinterpret_cast<const char*>(&v), sizeof v); };
  for (const RequestRecord& q : r.requests) {
    for (std::int64_t v : {std::int64_t{q.replica}, q.arrival.count, q.first_token.count, q.finish.count, q.queue.count,
                           q.load.count, std::int64_t{q.hit_g1_tokens}, std::int64_t{q.hit_g2_tokens},
                           q.computed_tokens, q.recomputed_tokens, std::int64_t{q.preemptions}}) {
      add(v);
    }
  }
  for (std::int64_t v : {r.steps, r.evicted_g1_blocks, r.evicted_g2_blocks, r.loaded.count, r.stored.count}) add(v);
  return sha256_hex(bytes).substr(0, 12);
}

double seconds_of(const Workload& workload, const SimulationConfig& config, SimulationResult& result) {
  const auto start = std::chrono::steady_clock::now();
  result = simulate(workload, config);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::int64_t peak_memory_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

std::string trace_path() {
  const char* data = std::getenv("KVPLAN_DATA");
  const std::string path =
      std::string(data ? data : "../shared") + "/traces/mooncake_fast25_conversation_trace.jsonl.gz";
  if (!std::filesystem::exists(path)) {
    throw InputError({path, 0, 0, "the benchmark replays the Mooncake conversation trace, which is not there",
                      "docs/formats.md says where to get it; set KVPLAN_DATA to the folder that holds traces/"});
  }
  return path;
}

}  // namespace

ExitCode bench_verb(const std::vector<std::string>& arguments, Streams streams) {
  po::options_description options("Options");
  options.add_options()("name", po::value<std::string>(), "one scenario; default: all")(
      "repeat", po::value<int>()->default_value(5), "runs of each; the median is told")("help,h", "this text");
  const po::variables_map given = parse_arguments(options, {"name"}, arguments);
  std::vector<std::string> names;
  for (const Bench& b : kBenches) names.push_back(b.name);
  if (given.count("help")) {
    streams.out << "usage: kvplan bench [NAME] [--repeat N]\n\nReplays fixed scenarios of the Mooncake conversation "
                   "trace on one thread, without reading it,\nand tells the median time and a digest of the results.\n\n"
                << options << "\nScenarios: " << fmt::format("{}", fmt::join(names, ", ")) << "\n";
    return ExitCode::done;
  }
  const std::string only = given.count("name") ? given["name"].as<std::string>() : "";
  if (!only.empty() && std::find(names.begin(), names.end(), only) == names.end()) {
    throw UsageError(fmt::format("no such benchmark: \"{}\"", only), suggestion(only, names));
  }
  const int repeat = given["repeat"].as<int>();
  if (repeat < 1 || repeat > 1000) throw UsageError("--repeat must be from 1 to 1000");

  streams.out << fmt::format("{:<14}{:>10}{:>10}{:>12}{:>12}{:>10}{:>9}  {:<14}{}\n", "", "requests", "ms",
                             "requests/s", "events/s", "ns/event", "MiB peak", "digest", "");
  for (const Bench& b : kBenches) {
    if (!only.empty() && only != b.name) continue;
    Scenario scenario;
    scenario.assign("trace.path=" + trace_path(), "bench");
    for (const auto* settings : {&kShared, &b.settings}) {
      for (const std::string& setting : *settings) scenario.assign(setting, "bench");
    }
    const Hardware hardware = load_hardware(scenario, scenario.texts("hardware").front());
    const Built built = build_config(scenario, scenario.texts("offload.mode").front(), hardware, load_model(scenario));
    const Workload workload = load_trace(scenario, false);
    SimulationResult result;
    std::vector<double> times;
    for (int i = 0; i < repeat; ++i) times.push_back(seconds_of(workload, built.config, result));
    std::nth_element(times.begin(), times.begin() + repeat / 2, times.end());
    const double s = times[static_cast<std::size_t>(repeat / 2)];
    const auto requests = static_cast<double>(result.requests.size()), events = static_cast<double>(result.events);
    streams.out << fmt::format("{:<14}{:>10}{:>10.1f}{:>12.0f}{:>12.0f}{:>10.0f}{:>9}  {:<14}{}\n", b.name,
                               result.requests.size(), s * 1e3, requests / s, events / s, s / events * 1e9,
                               peak_memory_mib(), digest(result), b.what);
  }
  return ExitCode::done;
}

}  // namespace kvplan

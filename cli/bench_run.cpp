#include "cli/bench_run.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <sstream>

#include "cli/bench_digest.hpp"
#include "cli/replay.hpp"
#include "sim/simulation.hpp"
#include "traces/workload_file.hpp"

namespace kvplan {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Of this thread alone: what else runs on the machine does not count.
double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct Times {
  std::vector<double> wall_s, cpu_s;  // ascending
  SimulationResult result;            // of the last run
  double median() const { return wall_s[wall_s.size() / 2]; }
  double median_cpu() const { return cpu_s[cpu_s.size() / 2]; }
};

Times replays(const Workload& workload, const SimulationConfig& config, int runs) {
  Times t;
  for (int i = 0; i < runs; ++i) {
    t.result = {};
    const auto start = Clock::now();
    const double cpu_start = cpu_seconds();
    t.result = simulate(workload, config);
    t.cpu_s.push_back(cpu_seconds() - cpu_start);
    t.wall_s.push_back(seconds_since(start));
  }
  std::sort(t.cpu_s.begin(), t.cpu_s.end());
  std::sort(t.wall_s.begin(), t.wall_s.end());
  return t;
}

Json stepped(const Workload& workload, SimulationConfig config, int runs, double median_cpu_s, const std::string& digest) {
  config.step_by_step = true;
  const Times t = replays(workload, config, runs);
  return {{"wall_s", t.median()}, {"cpu_s", t.median_cpu()}, {"ratio", t.median_cpu() / median_cpu_s}, {"same_digest", digest_of(t.result) == digest}};
}

Json measure_here(const BenchScenario& b, int runs, std::ostream& err) {
  const auto start = Clock::now();
  const Scenario s = scenario_of(b);
  const Hardware hardware = load_hardware(s, s.texts("hardware").front());
  const Built built = build_config(s, s.texts("offload.mode").front(), hardware, load_model(s));
  const Workload workload = with_chains(load_of(b, s, err));
  check_load(s, built, workload);
  const double load_s = seconds_since(start);
  Times t = replays(workload, built.config, runs);
  const double median_s = t.median();
  const std::string digest = digest_of(t.result);
  const auto requests = static_cast<double>(t.result.requests.size()), events = static_cast<double>(t.result.events);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  Json document = {
      {"name", b.name},
      {"what", b.what},
      {"load", workload.format == "synthetic" ? "synthetic" : workload.name},
      {"requests", t.result.requests.size()},
      {"load_s", load_s},
      {"load_bytes", bytes_of(workload)},
      {"wall_s", {{"median", median_s}, {"min", t.wall_s.front()}, {"max", t.wall_s.back()}, {"runs", runs}}},
      {"cpu_s", t.median_cpu()},
      {"requests_per_s", requests / median_s},
      {"events", t.result.events},
      {"events_per_s", events / median_s},
      {"ns_per_event", median_s / events * 1e9},
      {"peak_bytes", std::int64_t{usage.ru_maxrss} * 1024},
      {"digest", digest},
      {"stepped", nullptr}};
  t.result = {};
  if (b.stepped) document["stepped"] = stepped(workload, built.config, b.quick ? runs : 1, t.median_cpu(), digest);
  return document;
}

// What the child has to say: a document, or its error as a JSON string.
std::string answer_of(const BenchScenario& b, int runs, std::ostream& err) {
  try {
    return measure_here(b, runs, err).dump();
  } catch (const std::bad_alloc&) {
    return Json("out of memory").dump();
  } catch (const std::exception& e) {
    return Json(without_prefix(e.what())).dump();
  }
}

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(descriptor, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string read_all(int descriptor) {
  std::string text, part(4096, '\0');
  for (ssize_t n = 0; (n = ::read(descriptor, part.data(), part.size())) > 0;) {
    text.append(part, 0, static_cast<std::size_t>(n));
  }
  return text;
}

}  // namespace

Json measure(const BenchScenario& b, int runs, std::ostream& err) {
  int ends[2];
  KVPLAN_ASSERT(::pipe(ends) == 0);
  const pid_t child = ::fork();
  KVPLAN_ASSERT(child >= 0);
  if (child == 0) {
    ::close(ends[0]);
    std::ostringstream said;
    const std::string answer = answer_of(b, runs, said);
    write_all(ends[1], answer + "\n" + said.str());
    ::_exit(0);
  }
  ::close(ends[1]);
  const std::string text = read_all(ends[0]);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  const std::size_t line = text.find('\n');
  if (line == std::string::npos) {
    throw Error(ExitCode::internal, fmt::format("error: benchmark {}: its process was killed by signal {}\n  help: is "
                                                "there enough memory? Scenarios can be run one by one: --scenario",
                                                b.name, WIFSIGNALED(status) ? WTERMSIG(status) : 0));
  }
  err << text.substr(line + 1);
  Json answer = Json::parse(text.substr(0, line));
  if (answer.is_object()) return answer;
  throw Error(ExitCode::internal, fmt::format("error: benchmark {}: {}", b.name, answer.get<std::string>()));
}

}  // namespace kvplan

#include "validate/queueing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/parallel.hpp"
#include "base/random.hpp"
#include "plan/steady.hpp"
#include "sim/simulation.hpp"

namespace kvplan {
namespace {

constexpr std::size_t kRuns = 8;
constexpr int kStartUp = 2'000;  // requests that are not judged, of each run
constexpr double kLevel = 0.99;
constexpr double kMeanS = 1;  // service

using Service = std::function<double(RandomStream&)>;  // seconds

double fixed(RandomStream&) { return kMeanS; }
double exponential(RandomStream& r) { return r.exponential(kMeanS); }
// One request in ten takes eleven times as long as the others.
double two_lengths(RandomStream& r) { return r.below(10) == 0 ? 5.5 : 0.5; }
constexpr double kSquareOfTwoLengths = 0.9 * 0.25 + 0.1 * 30.25;

// Service is a prompt, which the machine computes alone, or an answer, a step a token.
enum class Served { prompt, answer };
constexpr double kTokensPerS[] = {10'000, 1'000};

Workload poisson(Served served, double per_s, const Service& service, int requests, std::uint64_t seed) {
  RandomStream arrivals(seed, "arrivals"), lengths(seed, "lengths");
  Workload w;
  w.name = "theory";
  w.block_tokens = 1 << 20;
  double at_s = 0;
  for (int i = 0; i < requests; ++i) {
    at_s += arrivals.exponential(1 / per_s);
    const auto tokens = 1 + static_cast<std::int32_t>(service(lengths) * kTokensPerS[static_cast<int>(served)]);
    Turn t;
    t.arrival.time = time_from_seconds(at_s);
    t.session = static_cast<std::uint32_t>(i);
    t.prompt_tokens = served == Served::prompt ? std::max(1, tokens - 1) : 1;
    t.output_tokens = served == Served::prompt ? 1 : tokens;
    t.first_block = static_cast<std::uint32_t>(i);
    t.block_count = 1;
    w.prompt_blocks.push_back(static_cast<BlockId>(i));
    w.parent_of_block.push_back(kNone);
    w.tokens_of_block.push_back(t.prompt_tokens);
    w.turns.push_back(t);
  }
  w.session_count = static_cast<std::uint32_t>(w.turns.size());
  return with_chains(std::move(w));
}

SimulationConfig machine(std::int32_t slots, std::int64_t step_ps, std::int64_t token_ps) {
  SimulationConfig c;
  c.engine.page_tokens = 16;
  c.engine.g1_pages = Pages(1 << 28);
  c.engine.max_num_seqs = slots;
  c.engine.max_num_batched_tokens = c.engine.max_context_tokens = 1 << 24;
  c.kv_bytes_per_token = c.kv_bytes_per_token_per_gpu = Bytes(1);
  for (StepTime& s : c.step_times) {
    s.base = PiecewiseLinear({{0, step_ps, token_ps}});
    s.provenance = "theory";
  }
  return c;
}

// One request after the other.
SimulationConfig single() { return machine(1, 0, kPsPerS / 10'000); }
// As many at once as there are slots, each at full speed: a step takes the same whoever is in it.
SimulationConfig slots(std::int32_t n) { return machine(n, kPsPerS / 1'000, 0); }
// All that are there, each the slower the more there are.
SimulationConfig shared() { return machine(1 << 16, 0, kPsPerS / 1'000); }
SimulationConfig random_fleet(std::int32_t replicas) {
  SimulationConfig c = single();
  c.replicas = c.replicas_per_node = replicas;
  c.router.policy = RouterPolicy::random;
  return c;
}

double erlang_c(int k, double load) {
  double term = 1, sum = 0;
  for (int i = 0; i < k; ++i) sum += term, term *= load / (i + 1);
  const double waits = term / (1 - load / k);
  return waits / (sum + waits);
}

double wait_s(const RequestRecord& r) { return seconds(r.queue); }
double sojourn_s(const RequestRecord& r) { return seconds(r.finish - r.arrival); }

struct Law {
  std::string name;
  double per_s;  // arrivals
  double theory_s;
  Service service;
  Served served;
  SimulationConfig config;
  double (*of)(const RequestRecord&);
  int requests;           // of a run
  double boundary_s = 0;  // what joining at a step's boundary adds at most
};

std::vector<Law> laws() {
  std::vector<Law> all;
  for (const double rho : {0.3, 0.6, 0.8}) {
    const auto name = [&](const char* queue) { return fmt::format("{}, load {}: mean wait", queue, rho); };
    all.push_back({name("M/M/1"), rho, rho / (1 - rho), exponential, Served::prompt, single(), wait_s, 50'000});
    all.push_back({name("M/D/1"), rho, rho / (2 * (1 - rho)), fixed, Served::prompt, single(), wait_s, 50'000});
    all.push_back({name("M/G/1"), rho, rho * kSquareOfTwoLengths / (2 * (1 - rho)), two_lengths, Served::prompt,
                   single(), wait_s, 50'000});
    all.push_back({name("4 x M/M/1 behind a random router"), 4 * rho, rho / (1 - rho), exponential, Served::prompt,
                   random_fleet(4), wait_s, 50'000});
  }
  for (const int k : {2, 8}) {
    for (const double rho : {0.5, 0.8}) {
      const double load = rho * k;
      all.push_back({fmt::format("M/M/{}, load {}: mean wait", k, rho), load, erlang_c(k, load) / (k - load),
                     exponential, Served::answer, slots(k), wait_s, 100'000, 1e-3});
    }
  }
  for (const double rho : {0.5, 0.7}) {
    const auto name = [&](const char* queue) {
      return fmt::format("{} processor sharing, load {}: mean sojourn", queue, rho);
    };
    for (const auto& [queue, service] : {std::pair<const char*, Service>{"M/M/1", exponential}, {"M/D/1", fixed}})
      all.push_back({name(queue), rho, 1 / (1 - rho), service, Served::answer, shared(), sojourn_s, 30'000, 1e-2});
  }
  return all;
}

double mean_of_run(const Law& law, std::uint64_t seed) {
  SimulationConfig c = law.config;
  c.router.seed = seed;
  const SimulationResult r = simulate(poisson(law.served, law.per_s, law.service, law.requests, seed), c);
  std::vector<double> judged;
  for (std::size_t i = kStartUp; i < r.requests.size(); ++i) judged.push_back(law.of(r.requests[i]));
  return mean_of(judged);
}

}  // namespace

Experiment queueing(unsigned threads) {
  const std::vector<Law> all = laws();
  std::vector<double> means(all.size() * kRuns);
  for_each_index(means.size(), static_cast<int>(threads),
                 [&](std::size_t i) { means[i] = mean_of_run(all[i / kRuns], 1 + i % kRuns); });
  Experiment e;
  e.name = "queueing";
  e.title = "queues, beside their laws";
  e.source =
      "M/M/1, M/D/1 and M/G/1: Pollaczek and Khinchine; M/M/k: Erlang's C formula; processor sharing: Kleinrock, "
      "Queueing Systems II (1976)";
  e.inputs = {
      {"load", "Poisson arrivals of independent requests; service of 1 s on average: a prompt, or an answer"},
      {"runs", fmt::format("{} a law, each with a seed of its own, without their first {} requests", kRuns, kStartUp)},
      {"gate", fmt::format("the law lies within the {:.0f} % interval of the runs", 100 * kLevel)}};
  for (std::size_t k = 0; k < all.size(); ++k) {
    const auto from = means.begin() + static_cast<std::ptrdiff_t>(k * kRuns);
    const std::vector<double> runs(from, from + kRuns);
    const double half = t_interval(runs, kLevel)->half_width();
    Comparison c{all[k].name, "s", mean_of(runs), all[k].theory_s};
    c.low = c.published - half, c.high = c.published + half + all[k].boundary_s;
    c.remark = fmt::format("interval +-{:.1f} %", 100 * half / mean_of(runs));
    e.comparisons.push_back(std::move(c));
  }
  e.remarks = {
      "a request joins a batch at the next step's boundary, which is at most a step of 1 ms more than M/M/k knows"};
  return e;
}

}  // namespace kvplan

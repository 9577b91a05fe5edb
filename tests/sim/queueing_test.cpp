// Many servers and shared ones: M/M/k and processor sharing, by the interval of replications.
#include <cmath>

#include "base/random.hpp"
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

constexpr double kMeanTokens = 1000, kStepS = 1e-3;  // mean service 1 s

// Prompts of one token, whose answers are what is served: a token a step.
Workload answers(int turns, double per_s, bool exponential, std::uint64_t seed) {
  RandomStream arrivals(seed, "arrivals"), lengths(seed, "lengths");
  Load load(16);
  double at_s = 0;
  for (int i = 0; i < turns; ++i) {
    at_s += arrivals.exponential(1 / per_s);
    const double tokens = exponential ? lengths.exponential(kMeanTokens) : kMeanTokens;
    load.turn(time_from_seconds(at_s), "", 1, 1 + static_cast<std::int32_t>(tokens));
  }
  return load.build();
}

SimulationConfig decoder(std::int32_t slots, std::int64_t step_ps, std::int64_t token_ps) {
  SimulationConfig c = small_machine(100'000'000);
  for (StepTime& s : c.step_times) s = flat_step(step_ps, token_ps, 0, 0);
  c.engine.max_num_seqs = slots;
  c.engine.max_num_batched_tokens = 1 << 20;
  c.engine.max_context_tokens = 1 << 30;
  c.check = false;
  return c;
}

// Mean over requests behind the start-up, and half the 99 % interval over eight replications.
struct Mean {
  double value = 0, half_width = 0;
};
template <class F>
Mean replicated(double per_s, bool exponential, const SimulationConfig& c, F of) {
  constexpr int kRuns = 8, kTurns = 6'000, kStartUp = 1'000;
  constexpr double kT99 = 3.499;  // Student's t, 7 degrees, two-sided 99 %
  std::vector<double> means;
  for (int run = 0; run < kRuns; ++run) {
    const SimulationResult r = simulate(answers(kTurns, per_s, exponential, static_cast<std::uint64_t>(run)), c);
    double sum = 0;
    for (int i = kStartUp; i < kTurns; ++i) sum += of(r.requests[static_cast<std::size_t>(i)]);
    means.push_back(sum / (kTurns - kStartUp));
  }
  Mean m;
  for (const double x : means) m.value += x / kRuns;
  double squares = 0;
  for (const double x : means) squares += (x - m.value) * (x - m.value);
  m.half_width = kT99 * std::sqrt(squares / (kRuns - 1) / kRuns);
  return m;
}

double erlang_c(int k, double load) {
  double term = 1, sum = 0;
  for (int i = 0; i < k; ++i) sum += term, term *= load / (i + 1);
  const double waits = term / (1 - load / k);
  return waits / (sum + waits);
}

}  // namespace

TEST_CASE("M/M/k: the mean wait is Erlang's C x S / (k - load)") {
  for (const int k : {2, 8}) {
    for (const double rho : {0.5, 0.8}) {
      CAPTURE(k, rho);
      const double load = rho * k;
      const Mean wait =
          replicated(load, true, decoder(k, kPsPerMs, 0), [](const RequestRecord& r) { return seconds(r.queue); });
      const double theory = erlang_c(k, load) / (k - load);
      // A request joins at a step's boundary: it waits up to one step more.
      CHECK(wait.value >= theory - wait.half_width);
      CHECK(wait.value <= theory + wait.half_width + kStepS);
    }
  }
}

TEST_CASE("processor sharing: the mean time in the system is S / (1 - rho), whatever the distribution of service") {
  for (const bool exponential : {true, false}) {
    for (const double rho : {0.5, 0.7}) {
      CAPTURE(exponential, rho);
      const Mean sojourn = replicated(rho, exponential, decoder(1 << 16, 0, kPsPerMs),
                                      [](const RequestRecord& r) { return seconds(r.finish - r.arrival); });
      const double theory = 1 / (1 - rho);
      CHECK(std::abs(sojourn.value - theory) <= sojourn.half_width + 0.01 * theory);
    }
  }
}

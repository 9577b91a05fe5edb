// Goal: the published hit table of real agent sessions, run back to back by users with recorded timing.
// Tolerance: which sessions the published run drew is not known, so it is one more draw beside those of our seeds: it
// must lie in the interval that holds one further draw with 99 % probability, t s sqrt(1 + 1/n) around their mean
// (Student's t with n - 1 degrees of freedom). At 64 users and large capacities that is about a point.
#include <fmt/format.h>

#include <cmath>

#include "tests/traces/data.hpp"
#include "traces/compile.hpp"
#include "traces/hit_rates.hpp"
#include "traces/load.hpp"
#include "traces/transform.hpp"

using namespace kvplan;

namespace {

struct Spread {
  double mean = 0, deviation = 0;
};

Spread spread(const std::vector<double>& values) {
  Spread s;
  const double n = static_cast<double>(values.size());
  for (const double v : values) s.mean += v / n;
  for (const double v : values) s.deviation += (v - s.mean) * (v - s.mean) / (n - 1);
  s.deviation = std::sqrt(s.deviation);
  return s;
}

// Published rates at 1, 2, 5, 10, 20 and 50 million tokens.
// `t`: Student's, two-sided 99 %, for seeds - 1.
void compare(const Workload& sessions, std::int64_t users, std::uint64_t seeds, double t,
             const std::vector<double>& published) {
  const std::vector<std::int64_t> capacities = {15'625, 31'250, 78'125, 156'250, 312'500, 781'250};
  std::vector<std::vector<double>> rates(capacities.size());
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const Workload load = run_by_users(sessions, users, Time(7200 * kPsPerS), seed);
    const auto curve = hit_rates(load, "lru", capacities, TouchOrder::head_to_tail, 1);
    for (std::size_t c = 0; c < capacities.size(); ++c) rates[c].push_back(curve[c].tokens);
  }
  for (std::size_t c = 0; c < capacities.size(); ++c) {
    const Spread s = spread(rates[c]);
    CAPTURE(users, capacities[c], s.mean, s.deviation);
    CHECK(s.deviation < 0.12);
    CHECK(std::abs(s.mean - published[c]) < t * s.deviation * std::sqrt(1 + 1 / static_cast<double>(seeds)));
  }
}

}  // namespace

TEST_CASE("agent sessions run by users: hit rate against capacity") {
  const std::string path = test::real_trace("claude_code_requests.csv.gz");
  if (path.empty()) return;
  const Workload sessions = load_workload(path);
  compare(sessions, 16, 8, 3.499, {.613, .860, .933, .937, .937, .937});
  compare(sessions, 64, 6, 4.032, {.125, .437, .845, .935, .950, .952});
}

TEST_CASE("users begin a session as soon as the one before has ended, whether or not its length is recorded") {
  std::string text;
  for (int i = 0; i < 50; ++i) {
    text += fmt::format(R"({{"timestamp": {}, "input_length": 600, "output_length": 9, "hash_ids": [{}, {}]}})", 1000 * i,
                        2 * i, 2 * i + 1) + "\n";
  }
  const Workload single = compile_workload(rows_from_text(text, "single turns", {}), {});
  for (const Time duration : {Time::max(), Time(20 * kPsPerS)}) {
    const Workload load = run_by_users(single, 4, duration, 1);
    std::int64_t first = 0;
    for (const Turn& t : load.turns) {
      first += t.arrival.after == kNone;
      if (t.arrival.after != kNone) CHECK(t.arrival.time == Time(0));
    }
    CHECK(first == 4);
    CHECK(load.turns.size() >= 50);
  }
}

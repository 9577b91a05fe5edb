// The independent checker finds nothing in the logs of real runs, and each of the faults that are seeded here.
#include "reports/events_jsonl.hpp"
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/twin/rapid_dice.hpp"
#include "validate/run_check/check.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

std::string log_of(const Workload& load, const SimulationConfig& config) {
  EventLog log;
  const SimulationResult result = simulate(load, config, &log);
  std::string text;
  write_events(load, config, result, log, [&](std::string_view part) { text += part; });
  return text;
}

std::string told(const run_check::Report& report) {
  std::string text = std::to_string(report.breach_count) + " breaches";
  for (const run_check::Breach& b : report.breaches)
    text += "\n" + b.rule + ", line " + std::to_string(b.line) + ": " + b.what;
  return text;
}

}  // namespace

TEST_CASE("the checker finds no fault in random runs") {
  std::map<std::string, std::int64_t> checks;
  CHECK(rc::check("sound", [&] {
    RapidDice dice;
    const Workload load = random_turns(dice);
    SimulationConfig config = random_engine(dice);
    config.step_by_step = dice.coin();
    const std::string log = log_of(load, config);
    RC_LOG(log);
    const run_check::Report report = run_check::check_text(log, "log");
    RC_LOG(told(report));
    for (const auto& [rule, n] : report.checks) checks[rule] += n;
    RC_ASSERT(report.sound());
  }));
  for (const char* rule : {"books", "capacity", "pinned", "content", "hits", "pages", "order", "limits", "durations",
                           "tokens", "parts", "links", "ends"}) {
    CAPTURE(rule);
    CHECK(checks[rule] > 0);
  }
}

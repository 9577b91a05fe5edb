// Little's law in its exact form, on loads in which everything occurs: at each instant at which the engine was asked
// how many requests it holds, just so many were, by their records, between the front end and their end.
#include "sim/series.hpp"
#include "tests/catch.hpp"
#include "tests/twin/random_scenario.hpp"
#include "tests/twin/rapid_dice.hpp"

using namespace kvplan;
using namespace kvplan::testing;

TEST_CASE("the number in the system is what the requests' records say, at every sample") {
  std::int64_t samples = 0, busy = 0;
  CHECK(rc::check("numbers", [&] {
    RapidDice dice;
    Workload load = random_turns(dice);
    SimulationConfig config = random_engine(dice);
    for (Turn& t : load.turns) t.arrival.time.count *= 20;  // samples are a tenth of a second apart
    for (StepTime& s : config.step_times) {
      auto pieces = s.base.pieces();
      for (auto& p : pieces) p.start_ps *= 20, p.slope_ps *= 20;
      s.base = PiecewiseLinear(pieces);
    }
    Series series;
    const SimulationResult r = simulate(load, config, nullptr, &series);
    for (std::size_t i = 0; i + 1 < series.samples().size(); ++i) {
      const Sample& s = series.samples()[i];
      std::int64_t inside = 0;
      for (const RequestRecord& q : r.requests) {
        inside += q.outcome == Outcome::completed && q.arrival + q.frontend < s.at && q.finish >= s.at;
      }
      RC_ASSERT(s.queued + s.running == inside);
      ++samples;
      busy += inside > 1;
    }
  }));
  CHECK(samples > 0);
  CHECK(busy > samples / 10);  // and it says something
}

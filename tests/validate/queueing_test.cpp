// Queues behave as their laws say, whatever the machine, the router and the distribution of service.
#include "validate/queueing.hpp"

#include "tests/catch.hpp"

using namespace kvplan;

TEST_CASE("M/M/1, M/D/1, M/G/1, M/M/k, split streams and processor sharing keep to their laws") {
  const Experiment e = queueing(2);
  REQUIRE(e.comparisons.size() == 20);
  for (const Comparison& c : e.comparisons) {
    CAPTURE(c.quantity, c.predicted, c.published, c.low, c.high);
    CHECK(c.met());
    CHECK(c.high - c.low < 0.3 * c.published);  // the gate tells right from wrong
  }
}

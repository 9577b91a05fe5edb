// How far a fleet is from its limits.
#include "plan/slo.hpp"

#include "tests/catch.hpp"

using namespace kvplan;

TEST_CASE("a share of good requests is as near to its limit as those that miss are to what may") {
  Slo slo;
  slo.latencies.push_back({Latency::ttft, Statistic::quantile, 0.95, 2});
  slo.goodput = GoodputSlo{};
  slo.goodput->share = 0.9;
  CHECK(worst_ratio(slo, {1, 1}) == 0.5);  // all are good: TTFT is nearest
  CHECK(worst_ratio(slo, {1, 0.96}) == 0.5);
  CHECK(worst_ratio(slo, {1, 0.92}) == Approx(0.8));
  CHECK(worst_ratio(slo, {1, 0.8}) == Approx(2));
  slo.goodput->share = 1;
  CHECK(worst_ratio(slo, {1, 1}) == 1);
  CHECK(worst_ratio(slo, {1, 0.99}) > 1);
}

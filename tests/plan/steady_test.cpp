#include "plan/steady.hpp"

#include "base/random.hpp"
#include "tests/catch.hpp"

using namespace kvplan;

TEST_CASE("MSER-5 finds the end of a start-up, and says when there is none to find") {
  RandomStream random(1, "noise");
  std::vector<double> settles, drifts;
  for (int i = 0; i < 1000; ++i) {
    settles.push_back((i < 150 ? 20.0 : 1.0) + random.normal());
    drifts.push_back(0.1 * i + random.normal());
  }
  const WarmUp w = mser5(settles);
  CHECK(w.found);
  CHECK(w.cut >= 150);
  CHECK(w.cut < 250);
  CHECK_FALSE(mser5(drifts).found);
  CHECK_FALSE(mser5({1, 2, 3}).found);
}

TEST_CASE("t intervals cover the mean as often as they say") {
  RandomStream random(2, "samples");
  int covered = 0;
  for (int i = 0; i < 2000; ++i) {
    std::vector<double> sample;
    for (int k = 0; k < 6; ++k) sample.push_back(5 + random.normal());
    const auto interval = t_interval(sample, 0.9);
    covered += interval->low <= 5 && 5 <= interval->high;
  }
  CHECK(covered > 1740);
  CHECK(covered < 1860);
}

TEST_CASE("batch means cover where observations depend on one another and a naive interval would not") {
  RandomStream random(3, "correlated");
  int covered = 0;
  for (int i = 0; i < 400; ++i) {
    std::vector<double> sample;
    double x = 0;
    for (int k = 0; k < 4000; ++k) {
      x = 0.9 * x + random.normal();
      if (k >= 100) sample.push_back(x);
    }
    const Estimated e = estimate(sample, Statistic::mean, 0, 0.9);
    covered += e.interval->low <= 0 && 0 <= e.interval->high;
  }
  CHECK(covered > 340);  // 0.9 x 400 = 360, less three standard deviations
  CHECK(covered < 385);
}

TEST_CASE("a quantile needs observations beyond it to have an interval") {
  CHECK(observations_for_quantile(0.95) == 200);
  CHECK(observations_for_quantile(0.99) == 1000);
  std::vector<double> few(50, 1.0);
  CHECK_FALSE(estimate(few, Statistic::quantile, 0.99, 0.9).interval);
}

#include "reports/summary.hpp"

#include "tests/catch.hpp"

using namespace kvplan;

TEST_CASE("quantiles are nearest rank") {
  std::vector<double> twenty;
  for (int i = 1; i <= 20; ++i) twenty.push_back(i);
  CHECK(nearest_rank(twenty, 0.95) == 19);  // ceil(19), although 0.95 * 20 is a hair above 19
  CHECK(nearest_rank(twenty, 0.951) == 20);
  CHECK(nearest_rank(twenty, 0.5) == 10);
  CHECK(nearest_rank(twenty, 1) == 20);
  CHECK(nearest_rank(twenty, 0.001) == 1);
  CHECK(nearest_rank({7}, 0.99) == 7);
}

TEST_CASE("a summary does not depend on the order of its sample") {
  const auto s = summary({3, 1, 2});
  CHECK(s["mean"] == 2.0);
  CHECK(s["p50"] == 2.0);
  CHECK(s["max"] == 3.0);
  CHECK(s == summary({1, 2, 3}));
}

TEST_CASE("an empty sample has nulls, no zeros") {
  const auto s = summary({});
  CHECK(s.size() == 6);
  for (const auto& v : s) CHECK(v.is_null());
}

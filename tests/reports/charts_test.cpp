#include "reports/charts.hpp"

#include "tests/catch.hpp"

using namespace kvplan;

namespace {

const ChartAxis kX{"x", false, ""}, kY{"y", false, ""};

// {x, y} of the rows of a curve.
std::vector<std::pair<double, double>> points_of(const Json& spec, const std::string& of) {
  std::vector<std::pair<double, double>> points;
  for (const Json& row : spec["data"]["values"]) {
    if (row["of"] == of) points.emplace_back(row["x"].get<double>(), row["y"].get<double>());
  }
  return points;
}

}  // namespace

TEST_CASE("steps begin where their first interval does") {
  const ChartRows rows = {{10, 1, "a", ""}, {20, 2, "a", ""}, {20, 3, "b", ""}};
  const Json spec = line_chart("t", kX, kY, rows, true);
  CHECK(points_of(spec, "a") == std::vector<std::pair<double, double>>{{0, 1}, {10, 1}, {20, 2}});
  CHECK(points_of(spec, "b") == std::vector<std::pair<double, double>>{{10, 3}, {20, 3}});
  CHECK(points_of(stacked_areas("t", kX, kY, rows), "a").front() == std::pair<double, double>{0, 1});
  CHECK(points_of(line_chart("t", kX, kY, rows), "a").size() == 2);
}

TEST_CASE("a curve of one value is a point") {
  const ChartRows one = {{10, 1, "a", ""}, {10, 1, "b", ""}, {20, 1, "b", ""}},
                  two = {{1, 1, "a", ""}, {2, 2, "a", ""}};
  CHECK(line_chart("t", kX, kY, one)["mark"].value("point", false));
  CHECK_FALSE(line_chart("t", kX, kY, two)["mark"].contains("point"));
}

TEST_CASE("a table has every point of its chart, and large numbers whole") {
  const Grid g =
      curves_table("x", {{1, 5, "a", ""}, {1, 6, "a", "", true}, {1, 7, "b", ""}, {2e6, 24690, "b", ""}}, plain);
  CHECK(g.header == std::vector<std::string>{"x", "a", "b"});
  REQUIRE(g.rows.size() == 3);
  CHECK(g.rows[0] == std::vector<std::string>{"1", "5", "7"});
  CHECK(g.rows[1] == std::vector<std::string>{"1", "6*", "-"});
  CHECK(g.rows[2] == std::vector<std::string>{"2,000,000", "-", "24,690"});
}

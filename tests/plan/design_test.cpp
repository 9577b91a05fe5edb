#include "plan/design.hpp"

#include <cmath>
#include <map>
#include <set>

#include "tests/catch.hpp"

using namespace kvplan;
using nlohmann::json;

namespace {

// "n" is an integer from 0 to 100, "x" a number from 0 to 1, "s" a text.
Vocabulary vocabulary() {
  const auto kind = [](const std::string& path) -> std::optional<ValueKind> {
    if (path == "n" || path == "m") return ValueKind::integer;
    if (path == "x" || path == "y") return ValueKind::number;
    return path == "s" ? std::optional(ValueKind::other) : std::nullopt;
  };
  const auto accept = [kind](const std::string& path, const json& value, std::vector<Diagnostic>& wrong) {
    const bool text = *kind(path) == ValueKind::other;
    const double high = *kind(path) == ValueKind::integer ? 100 : 1;
    const bool good = text ? value.is_string() : value.is_number() && value >= 0 && value <= high;
    if (!good) wrong.push_back({"", 0, 0, path + " is wrong", ""});
    return value;
  };
  return {kind, [](const std::string&) { return std::string("did you mean \"n\"?"); }, accept};
}

Design design(const std::string& vary) {
  const JsonFile file = JsonFile::parse(vary, "vary.json");
  JsonFindings findings;
  Design d(file, "", vocabulary(), findings);
  findings.raise();
  return d;
}

std::vector<std::string> all(const Design& d) {
  std::vector<std::string> points;
  for (std::int64_t i = 0; i < d.size(); ++i) points.push_back(d.values(i).dump());
  return points;
}

std::string refusal(const std::string& vary) {
  try {
    design(vary);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a grid has every combination, the first path varying slowest: a list goes row by row") {
  CHECK(
      all(design(R"({"grid": {"n": [2, 1], "s": ["a", "b"]}})")) ==
      std::vector<std::string>{R"({"n":2,"s":"a"})", R"({"n":2,"s":"b"})", R"({"n":1,"s":"a"})", R"({"n":1,"s":"b"})"});
  CHECK(all(design(R"({"list": {"s": ["a", "b"], "n": [1, 2]}})")) ==
        std::vector<std::string>{R"({"s":"a","n":1})", R"({"s":"b","n":2})"});
}

TEST_CASE("designs in an array are multiplied") {
  const Design d = design(R"([{"grid": {"s": ["a", "b"]}}, {"list": {"n": [1, 2, 3], "m": [4, 5, 6]}}])");
  CHECK(d.size() == 6);
  CHECK(d.values(4).dump() == R"({"s":"b","n":2,"m":5})");
  CHECK(d.paths() == std::vector<std::string>{"s", "n", "m"});
}

TEST_CASE("a Latin hypercube has one draw in each stratum of each path") {
  const Design d = design(R"({"latin": {"x": {"from": 0.2, "to": 0.8}, "s": ["a", "b"], "n": {"from": 0, "to": 99}},
                              "points": 100, "seed": 5})");
  std::set<int> strata, integers;
  std::map<std::string, int> texts;
  for (std::int64_t i = 0; i < 100; ++i) {
    const Json v = d.values(i);
    strata.insert(static_cast<int>((v["x"].get<double>() - 0.2) / 0.6 * 100));
    integers.insert(v["n"].get<int>());
    ++texts[v["s"].get<std::string>()];
  }
  CHECK(strata.size() >= 99);  // six digits may carry a draw over the edge of its stratum
  CHECK(integers.size() == 100);
  CHECK(texts["a"] == 50);
}

TEST_CASE("random draws stay in their range, spread as asked, and repeat with the seed") {
  const std::string text = R"({"random": {"m": {"from": 1, "to": 100, "scale": "log"}, "n": {"from": 3, "to": 5}},
                              "points": 2000, "seed": 1})";
  const Design d = design(text);
  int below_ten = 0;
  std::set<int> seen;
  for (std::int64_t i = 0; i < d.size(); ++i) {
    const int m = d.values(i)["m"];
    REQUIRE((m >= 1 && m <= 100));
    below_ten += m < 10;
    seen.insert(d.values(i)["n"].get<int>());
  }
  CHECK(seen == std::set<int>{3, 4, 5});
  CHECK(below_ten == Approx(2000 * std::log(10.0) / std::log(101.0)).margin(90));
  CHECK(all(d) == all(design(text)));
  std::string other = text;
  other.replace(other.find("\"seed\": 1"), 9, "\"seed\": 2");
  CHECK(all(d) != all(design(other)));
}

TEST_CASE("one more path does not change what the others draw") {
  const Design one = design(R"({"random": {"x": {"from": 0, "to": 1}}, "points": 5})");
  const Design two = design(R"({"random": {"n": [1, 2], "x": {"from": 0, "to": 1}}, "points": 5})");
  for (std::int64_t i = 0; i < 5; ++i) CHECK(one.values(i)["x"] == two.values(i)["x"]);
}

TEST_CASE("what is wrong with a design is told with its place, all at once") {
  const std::string both = refusal("{\"grid\":\n {\"q\": [1],\n  \"n\": [1, 500]}}");
  CHECK(both.find("vary.json:2:3: error: unknown path \"q\"\n  help: did you mean \"n\"?") != std::string::npos);
  CHECK(both.find("vary.json:3:12: error: n is wrong") != std::string::npos);
  const std::vector<std::pair<const char*, const char*>> cases = {
      {R"([])", "is empty"},
      {R"(3)", "must be an object"},
      {R"({"grid": {}})", "at least one path"},
      {R"({"gird": {"n": [1]}})", "did you mean \"grid\"?"},
      {R"({"n": [1]})", "inside of \"grid\""},
      {R"({"grid": {"n": []}})", "array of values"},
      {R"({"grid": {"n": [1]}, "seed": 1})", "has no place beside"},
      {R"({"list": {"n": [1, 2], "m": [1]}})", "m has 1 values, but n before it has 2"},
      {R"([{"grid": {"n": [1]}}, {"grid": {"n": [2]}}])", "varies in two designs"},
      {R"({"random": {"n": [1, 2]}})", "\"points\" is missing"},
      {R"({"random": {"n": [1, 2]}, "points": 0})", "expected an integer from 1"},
      {R"({"random": {"s": {"from": 1, "to": 2}}, "points": 3})", "it is no number"},
      {R"({"random": {"n": {"from": 1}}, "points": 3})", "a range with from and to"},
      {R"({"random": {"n": {"from": 5, "to": 5}}, "points": 3})", "from a lower to a higher"},
      {R"({"random": {"n": {"from": 0, "to": 5, "scale": "log"}}, "points": 3})", "must begin above 0"},
      {R"({"random": {"n": {"from": 1, "to": 5, "scale": "cubic"}}, "points": 3})", "expected linear or log"},
      {R"({"random": {"n": {"from": 1, "to": 5, "form": 2}}, "points": 3})", "did you mean \"from\"?"},
      {R"({"random": {"n": {"from": 1, "to": 500}}, "points": 3})", "n is wrong"},
  };
  for (const auto& [text, message] : cases) {
    CAPTURE(text, refusal(text));
    CHECK(refusal(text).find(message) != std::string::npos);
  }
  const std::string thousand = "{\"random\": {\"n\": [1, 2]}, \"points\": 1000}";
  CHECK(refusal("[" + thousand + R"(, {"random": {"m": [1, 2]}, "points": 1000}])").find("more than 200000 points") !=
        std::string::npos);
}

#include "base/json_file.hpp"

#include <functional>

#include "tests/catch.hpp"

namespace kvplan {
namespace {

std::vector<Diagnostic> findings_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& e) {
    return e.findings();
  }
  return {};
}

std::vector<Diagnostic> syntax_findings(const std::string& text) {
  return findings_of([&] { JsonFile::parse(text, "t.json"); });
}

std::vector<Diagnostic> read_findings(const std::string& text, const std::function<void(JsonReader&)>& read) {
  const JsonFile file = JsonFile::parse(text, "t.json");
  return findings_of([&] {
    JsonFindings findings;
    JsonReader root(file, findings);
    read(root);
    findings.raise();
  });
}

TEST_CASE("values know their line and column, past comments and nesting") {
  const JsonFile file = JsonFile::parse(
      "// a comment, with \"quotes\"\n"
      "{\n"
      "  \"tiers\": [ {\"name\": \"hbm\"}, /* two */ {\"name\" : -50} ],\n"
      "  \"a/b~c\": 7, \"list\":[1,22,[3]] , \"s\": \"x\\ny\", \"t\":true,\"z\":0}\n",
      "t.json");
  const auto where = [&](const std::string& pointer) {
    const Diagnostic d = file.at(pointer, "m");
    return std::make_pair(d.line, d.column);
  };
  using P = std::pair<std::int64_t, std::int64_t>;
  CHECK(where("") == P(2, 1));
  CHECK(where("/tiers") == P(3, 12));
  CHECK(where("/tiers/0/name") == P(3, 23));
  CHECK(where("/tiers/1") == P(3, 41));
  CHECK(where("/tiers/1/name") == P(3, 51));
  CHECK(where("/a~1b~0c") == P(4, 12));
  CHECK(where("/list/0") == P(4, 23));
  CHECK(where("/list/1") == P(4, 25));
  CHECK(where("/list/2/0") == P(4, 29));
  CHECK(where("/s") == P(4, 40));
  CHECK(where("/t") == P(4, 52));
  CHECK(where("/z") == P(4, 61));
  CHECK(file.key_position("/list") == JsonPosition{4, 15});
  CHECK(where("/absent") == P(0, 0));
  CHECK(file.root()["list"] == nlohmann::json::array({1, 22, {3}}));
}

TEST_CASE("a number may be followed by a comment at once") {
  const JsonFile file = JsonFile::parse("[1/* one */,2// two\n,3]", "t.json");
  CHECK(file.at("/1", "").column == 13);
  CHECK(file.at("/2", "").line == 2);
  CHECK(file.at("/2", "").column == 2);
}

TEST_CASE("syntax errors name line and column") {
  const auto comma = syntax_findings("{\n \"a\": 1,\n}");
  REQUIRE(comma.size() == 1);
  CHECK(comma[0].line == 3);
  CHECK(comma[0].column == 1);
  CHECK(comma[0].message.find("json.exception") == std::string::npos);
  CHECK(comma[0].help.find("comma") != std::string::npos);

  for (const char* text :
       {"{", "", "[1", "{\"a\": \"x", "{} x", "[NaN]", "[-Infinity]", "[1e999]", "[01]", "nul", "/*"}) {
    CAPTURE(text);
    const auto found = syntax_findings(text);
    REQUIRE(found.size() == 1);
    CHECK(found[0].line >= 1);
    CHECK(!found[0].message.empty());
  }
  CHECK(syntax_findings("[NaN]")[0].help.find("finite") != std::string::npos);
  CHECK(syntax_findings(std::string(100'000, '['))[0].message.find("nested") != std::string::npos);
}

TEST_CASE("all duplicate keys are told") {
  const auto found = syntax_findings("{\"a\":1,\n\"a\":2,\n\"b\":{\"c\":1,\"c\":2}}");
  REQUIRE(found.size() == 2);
  CHECK(found[0].line == 2);
  CHECK(found[0].message == "duplicate key \"a\"");
  CHECK(found[1].line == 3);
}

TEST_CASE("every wrong value of a file is found, in order of line") {
  const auto found = read_findings(
      "{\"name\": 7,\n\"tp\": 0,\n\"rate\": \"fast\",\n\"policy\": \"lrv\",\n\"on\": 1,\n\"list\": [1],\n\"sub\": "
      "3,\n\"tpp\": 2}",
      [](JsonReader& r) {
        CHECK(r.integer("tp", 1, 64) == 1);
        r.string("name");
        CHECK(r.number("rate", 0, 1, 0.5) == 0.5);
        CHECK(r.one_of("policy", {"lfu", "lru"}, "lru") == "lru");
        r.boolean("on");
        r.strings("list");
        CHECK(r.object("sub").integer("depth", 1, 9, 4) == 4);
        r.string("absent");
        r.no_other_keys();
      });
  REQUIRE(found.size() == 9);
  CHECK(found[0].message == "\"absent\" is missing");
  CHECK(found[1].message == "\"name\" is 7, expected a string");
  CHECK(found[2].message == "\"tp\" is 0, expected an integer, 1 to 64");
  CHECK(found[4].message == "\"policy\" is \"lrv\", expected one of lfu, lru");
  CHECK(found[4].help == "did you mean \"lru\"?");
  CHECK(found[8].message == "unknown key \"tpp\"");
  CHECK(found[8].help == "did you mean \"tp\"?");
  CHECK(found[8].line == 8);
  CHECK(found[8].column == 1);
}

TEST_CASE("integers may be written as numbers with integral value, within 2^53") {
  std::int64_t seen = 0;
  const auto read = [&](const std::string& value) {
    return read_findings("{\"n\": " + value + "}",
                         [&](JsonReader& r) { seen = r.integer("n", 0, std::numeric_limits<std::int64_t>::max()); })
        .size();
  };
  CHECK((read("8192.0") == 0 && seen == 8192));
  CHECK((read("1e6") == 0 && seen == 1'000'000));
  CHECK((read("9007199254740992") == 0 && seen == 9007199254740992));
  for (const char* bad : {"9007199254740993", "18446744073709551615", "1e300", "-1", "0.5", "null", "\"8\"", "[]"}) {
    CAPTURE(bad);
    CHECK(read(bad) == 1);
  }
}

TEST_CASE("objects come with their positions, keys in the order of the file") {
  const auto found = read_findings("{\"links\": [{\"z\": 1, \"a\": 2}, 5, {}]}", [](JsonReader& r) {
    const auto links = r.objects("links", true);
    REQUIRE(links.size() == 2);
    CHECK(links[0].keys() == std::vector<std::string>{"z", "a"});
    JsonReader second = links[1];
    second.integer("z", 0, 1);
    r.objects("absent", true);
  });
  REQUIRE(found.size() == 3);
  CHECK(found[1].message == "\"links\"[1] is 5, expected an object");
  CHECK(found[2].message == "\"z\" is missing");
  CHECK(found[2].column == 33);
}

TEST_CASE("a root that is no object is a finding, once") {
  const auto found = read_findings("[]", [](JsonReader& r) { r.string("name"); });
  REQUIRE(found.size() == 1);
  CHECK(found[0].message == "expected an object, not an array");
}

}  // namespace
}  // namespace kvplan

// Goal: what scripts rely on: the JSON of the hit curve, and refusals with a reason.
#include <fmt/format.h>

#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

const std::string kTrace = KVPLAN_SOURCE_DIR "/examples/conversation-lookalike.jsonl.gz";

CliRun trace(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "trace");
  return cli(arguments);
}

}  // namespace

TEST_CASE("trace mrc gives its points as JSON, in the order asked for") {
  const CliRun o = trace({"mrc", kTrace, "--policy", "lru", "--capacity-tokens", "2e6,1e6,inf", "--format", "json"});
  REQUIRE(o.code == 0);
  const auto points = o.json()["points"];
  REQUIRE(points.size() == 3);
  CHECK(points[0]["capacity_tokens"] == 2000000);
  CHECK(points[2]["capacity_tokens"] == "inf");
  const double two = points[0]["hit_rate_tokens"], one = points[1]["hit_rate_tokens"],
               all = points[2]["hit_rate_tokens"];
  CHECK(one < two);
  CHECK(two < all);
  const auto stat = trace({"stat", kTrace, "--format", "json"}).json();
  CHECK(all == stat["infinite_hit_rate_tokens"].get<double>());
  CHECK(points[2]["hit_rate_blocks"] == stat["infinite_hit_rate_blocks"]);
}

TEST_CASE("the order of touches matters") {
  const auto rate = [](const char* touch) {
    const CliRun o = trace({"mrc", kTrace, "--touch", touch, "--capacity-tokens", "1e4", "--format", "json"});
    return o.json()["points"][0]["hit_rate_tokens"].get<double>();
  };
  CHECK(rate("tail-to-head") > rate("head-to-tail"));
}

TEST_CASE("capacities that are none are refused") {
  for (const char* wrong : {"nan", "-1", "1e99", "", "1e6,", "1e6,x", "0x10", "INF"}) {
    INFO(wrong);
    CHECK(trace({"mrc", kTrace, std::string("--capacity-tokens=") + wrong}).code == 2);
  }
}

TEST_CASE("unknown policies, options, formats and files are refused with a suggestion") {
  CHECK(contains(trace({"mrc", kTrace, "--policy", "ark"}).err, "did you mean \"arc\"?"));
  CHECK(contains(trace({"mrc", kTrace, "--polcy", "lru"}).err, "did you mean \"--policy\"?"));
  CHECK(contains(trace({"stat", kTrace, "--format", "jsn"}).err, "did you mean \"json\"?"));
  CHECK(contains(trace({"stats", kTrace}).err, "did you mean \"stat\"?"));
  CHECK(trace({"stat"}).code == 2);
  CHECK(trace({"stat", kTrace, "--block-tokens", "0"}).code == 2);
  const CliRun csv = trace({"stat", KVPLAN_SOURCE_DIR "/examples/README.md"});
  CHECK(csv.code == 3);
  CHECK(contains(csv.err, "examples/README.md: error: not a trace"));
}

TEST_CASE("trace synth writes what it says, and refuses what it cannot make") {
  const CliRun o = trace({"synth", "--sessions", "3", "--seed", "7"});
  CHECK(o.code == 0);
  CHECK(contains(o.out, "\"hash_ids\": [0, "));
  CHECK(trace({"synth", "--sessions", "3", "--seed", "7"}).out == o.out);
  CHECK(trace({"synth", "--sessions", "3", "--seed", "8"}).out != o.out);
  CHECK(trace({"synth", "--seed", "-1"}).code == 2);
  CHECK(trace({"synth", "--think-s", "nan"}).code == 2);
  CHECK(contains(trace({"synth", "--preset", "chta"}).err, "did you mean \"chat\"?"));
  CHECK(trace({"synth", "--sessions", "3", "--out", "/nowhere/at/all.gz"}).code == 3);
}

TEST_CASE("sessions like those of a trace are told how far from it they are") {
  const Folder folder;
  const std::string out = (folder.path / "like.jsonl").string();
  const CliRun like = trace({"synth", "--like", kTrace, "--requests", "2000", "--out", out});
  INFO(like.err);
  REQUIRE(like.code == 0);
  CHECK(trace({"stat", out, "--format", "json"}).json()["turns"] == 2000);
  // Kolmogorov-Smirnov distances of every quantity, drawn from the trace's own sessions.
  CHECK(contains(like.err, "the model, at the size of the trace, against the trace"));
  CHECK(contains(like.err, "--requests cuts the sessions"));
  std::istringstream lines(like.err);
  int quantities = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    double distance = 0;
    if (line.rfind("  ", 0) != 0 || line[2] == ' ' || contains(line, "infinite") || line.size() < 80) continue;
    words.ignore(26);
    if (!(words >> distance)) continue;
    CAPTURE(line);
    CHECK(distance < 0.1);
    ++quantities;
  }
  CHECK(quantities >= 4);
  CHECK_FALSE(contains(trace({"synth", "--like", kTrace, "--out", out}).err, "--requests cuts"));
  // To like one half and judge by the other is no closer than the halves are to one another, on the whole.
  const CliRun crossed = trace({"synth", "--like", kTrace, "--cross-check"});
  CHECK(crossed.code == 0);
  CHECK(contains(crossed.out, "absolute errors over 5 splits"));
  CHECK(trace({"synth", "--like", kTrace, "--draw", "output=gamma:350,0.7"}).code == 2);
}

TEST_CASE("trace stat writes a page whose pictures hold the figures of its JSON") {
  const Folder folder;
  const std::string out = (folder.path / "stat.html").string();
  const CliRun written = trace({"stat", kTrace, "--out", out});
  CHECK(written.code == 0);
  CHECK(written.out.empty());
  const std::string html = text_of(out);
  const auto stat = trace({"stat", kTrace, "--format", "json", "--parts", "60"}).json();
  for (const char* figure : {"rate", "lengths", "turns", "waits", "tokens", "distinct", "intervals", "capacity"}) {
    CAPTURE(figure);
    CHECK(contains(html, std::string("<figure id=\"") + figure + "\""));
  }
  std::string unspaced = html;  // 12,031 reads 12031
  std::erase(unspaced, ',');
  for (const char* row : {"prompt_tokens", "output_tokens", "gap_s"}) {
    CAPTURE(row);
    const double p99 = stat[row]["p99"].get<double>();
    CHECK(contains(unspaced, fmt::format(fmt::runtime(p99 < 1e4 ? "<td>{:.4g}</td>" : "<td>{:.0f}</td>"), p99)));
  }
  const std::string md = trace({"stat", kTrace, "--format", "md"}).out;
  CHECK(contains(md, "## Reuse of prefixes"));
  CHECK(contains(md, "676 turns in "));
  CHECK(stat["turns"] == 676);
  CHECK(contains(md, stat["sha256"].get<std::string>()));
  CHECK(trace({"stat", kTrace, "--out", out + "/below-a-file.html"}).code == 3);
}

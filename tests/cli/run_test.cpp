// The verb run as a whole, on the sample that ships.
#include <fmt/format.h>

#include "base/json_schema.hpp"
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;
using nlohmann::json;

namespace {

json without_wall_clock(json document) {
  document.erase("simulation");
  return document;
}

}  // namespace

TEST_CASE("kvplan run alone answers, verdict first, and says what to try next") {
  const CliRun run = cli({"run"});
  CHECK(run.code == 0);
  const std::string state = run.out.substr(0, run.out.find(':'));
  CHECK((state == "stable" || state == "saturated" || state == "overloaded"));
  CHECK(contains(run.out, "TTFT p99"));
  CHECK(contains(run.err, "Try next:"));
  CHECK_FALSE(contains(cli({"run", "--limit", "9"}).err, "Try next:"));
}

TEST_CASE("result.json keeps to its schema") {
  const json schema = cli({"schema", "result"}).json();
  for (const char* offload : {"none", "dram"}) {
    const CliRun run = cli({"run", "--limit", "60", "--offload", offload, "--format", "json", "--set", "slo.ttft_s=1"});
    const std::vector<std::string> problems = schema_problems(schema, run.json());
    CAPTURE(offload, problems);
    CHECK(problems.empty());
  }
  json broken = cli({"run", "--limit", "5", "--format", "json"}).json();
  broken["latency"].erase("ttft_s");
  broken["extra"] = 1;
  CHECK(schema_problems(schema, broken).size() == 2);
}

TEST_CASE("the same scenario and seed give the same bytes, but for the wall clock") {
  Folder a, b;
  for (const Folder* f : {&a, &b}) CHECK(cli({"run", "--limit", "300", "--out", f->path.string()}).code == 0);
  CHECK(text_of(a.path / "requests.jsonl") == text_of(b.path / "requests.jsonl"));
  const json first = json::parse(text_of(a.path / "result.json")),
             second = json::parse(text_of(b.path / "result.json"));
  CHECK(without_wall_clock(first).dump() == without_wall_clock(second).dump());
  // All three files of a run are whole: result, requests, and nothing else.
  CHECK(std::distance(std::filesystem::directory_iterator(a.path), std::filesystem::directory_iterator()) == 2);
}

TEST_CASE("stdout holds the same document as result.json") {
  Folder folder;
  const json printed = cli({"run", "--limit", "40", "--format", "json", "--out", folder.path.string()}).json();
  CHECK(printed == json::parse(text_of(folder.path / "result.json")));
}

TEST_CASE("several combinations are compared on one load, each with its folder") {
  Folder folder;
  const CliRun run = cli({"run", "--limit", "80", "--hardware", "x86-h100-sxm,gh200-96", "--offload", "none,dram",
                          "--format", "json", "--out", folder.path.string()});
  REQUIRE(run.code == 0);
  const json document = run.json();
  CHECK(document["schema"] == "kvplan.comparison/1");
  REQUIRE(document["combinations"].size() == 4);
  CHECK(document["base"] == "x86-h100-sxm none");
  CHECK(document == json::parse(text_of(folder.path / "comparison.json")));
  for (const json& c : document["combinations"]) {
    CHECK(c["result"]["provenance"]["trace"]["sha256"] ==
          document["combinations"][0]["result"]["provenance"]["trace"]["sha256"]);
    std::string name = c["name"];
    name[name.find(' ')] = '-';
    CHECK(json::parse(text_of(folder.path / name / "result.json")) == c["result"]);
    const json& base = document["combinations"][0]["result"];
    CHECK(
        c["ratios"]["/latency/ttft_s/p50"].get<double>() ==
        Approx(c["result"]["latency"]["ttft_s"]["p50"].get<double>() / base["latency"]["ttft_s"]["p50"].get<double>()));
  }
  // A combination of a comparison is the run that it would be alone.
  const json alone =
      cli({"run", "--limit", "80", "--hardware", "gh200-96", "--offload", "dram", "--format", "json"}).json();
  CHECK(without_wall_clock(alone) == without_wall_clock(document["combinations"][3]["result"]));
}

TEST_CASE("a missed target ends with 5, a met one with 0") {
  CHECK(cli({"run", "--limit", "40", "--set", "slo.ttft_s=1e-9"}).code == 5);
  CHECK(cli({"run", "--limit", "40", "--set", "slo.ttft_s=1e6", "--set", "slo.tpot_s=1e6"}).code == 0);
  CHECK(contains(cli({"run", "--limit", "40", "--set", "slo.ttft_s=1e-9"}).out, "MISSED"));
}

TEST_CASE("sizes that the hardware does not hold are labelled") {
  CHECK(contains(cli({"run", "--limit", "9", "--hardware", "gh200-96", "--set", "offload.dram_bytes=2 TB"}).out,
                 "HYPOTHETICAL: 2 TB of DRAM a node for KV, but gh200-96 holds 480 GB"));
  CHECK_FALSE(contains(cli({"run", "--limit", "9", "--hardware", "gh200-96"}).out, "HYPOTHETICAL"));
}

TEST_CASE("an output folder that cannot be made is an error that names it") {
  Folder folder;
  const std::string file = folder.file("plain", "x");
  const CliRun run = cli({"run", "--limit", "5", "--out", file + "/below"});
  CHECK(run.code == 3);
  CHECK(contains(run.err, file));
}

TEST_CASE("two hardware files of one name would share a column and a folder: refused") {
  const std::string file = KVPLAN_SOURCE_DIR "/hardware/devices/gh200-96.json";
  const CliRun run = cli({"run", "--limit", "5", "--hardware", "gh200-96," + file});
  CHECK(run.code == 3);
  CHECK(contains(run.err, "is a second hardware with the name gh200-96"));
}

TEST_CASE("an interval holds what the run gives, and is that of both ends of the step times") {
  const std::vector<std::string> load = {"run", "--limit", "60", "--intervals"};
  std::vector<std::string> as_json = load;
  as_json.insert(as_json.end(), {"--format", "json"});
  const CliRun run = cli(as_json), table = cli(load);
  REQUIRE(run.code == table.code);
  const json document = run.json();
  int wide = 0;
  for (const auto& [name, figure] : document["interval"]["figures"].items()) {
    CAPTURE(name);
    CHECK(figure["low"] <= figure["central"]);
    CHECK(figure["central"] <= figure["high"]);
    wide += figure["low"] < figure["high"];
  }
  CHECK(document["interval"]["figures"]["ttft_mean_s"]["central"] == document["latency"]["ttft_s"]["mean"]);
  CHECK(wide > 3);
  CHECK(contains(table.out, "TTFT p95"));
  CHECK(contains(table.out, "central"));
}

TEST_CASE("replications give every latency an interval, the narrower the more there are") {
  const std::vector<std::string> load = {"run", "--users", "6", "--set", "trace.duration_s=3000", "--format", "json"};
  const auto confidence = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = load;
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CliRun run = cli(arguments);
    INFO(run.err);
    REQUIRE(run.code == 0);
    CHECK(schema_problems(cli({"schema", "result"}).json(), run.json()).empty());
    return run.json()["confidence"];
  };
  const json one = confidence({"--replications", "1"}), many = confidence({"--replications", "8"});
  CHECK(many["replications"] == 8);
  const auto half = [](const json& c, const char* statistic) {
    const json& e = c["latency"]["ttft_s"][statistic];
    CHECK(e["low"] < e["value"]);
    CHECK(e["value"] < e["high"]);
    return (e["high"].get<double>() - e["low"].get<double>()) / 2;
  };
  CHECK(one["latency"]["ttft_s"]["p99"]["low"].is_null());  // of some hundred requests
  CHECK(half(many, "p99") > 0);                             // and over eight replications
  for (const char* statistic : {"mean", "p50", "p90"}) CHECK(half(many, statistic) < half(one, statistic));
  // The interval of many seeds holds what a seed that is none of them gives, more often than not.
  const json other = confidence({"--replications", "1", "--seed", "100"});
  const json& e = many["latency"]["tpot_s"]["mean"];
  CHECK(std::abs(other["latency"]["tpot_s"]["mean"]["value"].get<double>() - e["value"].get<double>()) <
        0.2 * e["value"].get<double>());
  // An easy wish stops early; one that is out of reach says what it would take.
  CHECK(confidence({"--replications", "50", "--relative", "0.9"})["replications"].get<int>() < 50);
  std::vector<std::string> strict = load;
  strict.insert(strict.end(), {"--replications", "2", "--relative", "0.001"});
  const CliRun missed = cli(strict);
  CHECK(missed.code == 3);
  CHECK(contains(missed.err, "replications, or a load"));
  CHECK(cli({"run", "--relative", "0.1"}).code == 2);
}

TEST_CASE("replications of a load without draws are one, unless the router draws", "[replications]") {
  const std::vector<std::string> load = {"run",        "--limit",        "60", "--replicas", "4",
                                         "--replications", "3", "--format", "json", "--router"};
  const auto run = [&](const char* router) {
    std::vector<std::string> arguments = load;
    arguments.push_back(router);
    const CliRun made = cli(arguments);
    REQUIRE((made.code == 0 || made.code == 5));
    return made;
  };
  const CliRun drawn = run("random"), told = run("round-robin");
  CHECK_FALSE(contains(drawn.err, "draw at random"));
  CHECK(drawn.json()["confidence"]["replications"] == 3);
  CHECK(contains(told.err, "neither load nor router draw at random"));
  CHECK(told.json()["confidence"]["replications"] == 1);
}

TEST_CASE("Markdown has the intervals that the table has", "[replications]") {
  const CliRun md = cli({"run", "--limit", "60", "--intervals", "--replications", "1", "--format", "md"});
  REQUIRE((md.code == 0 || md.code == 5));
  CHECK(contains(md.out, "Confidence of x86-h100-sxm dram: 90 % intervals over 1 replications"));
  CHECK(contains(md.out, "Interval of x86-h100-sxm dram"));
  CHECK(contains(md.out, "| TTFT mean | "));
  CHECK(contains(md.out, " | to | "));
}

TEST_CASE("a missing interval names the hardware that has none") {
  const CliRun run = cli({"run", "--limit", "5", "--hardware", "x86-h100-sxm,gh200-96", "--intervals"});
  CHECK(run.code == 3);
  CHECK(contains(run.err, "gh200-96: the roofline has no interval"));
}

TEST_CASE("a plan replicates what its routers draw", "[replications]") {
  const Folder folder;
  const auto plan = [&](const char* router) {
    const std::string request = folder.file(std::string(router) + ".json", fmt::format(R"({{
      "base": {{"trace": {{"limit": 300}}, "offload": {{"mode": "none"}}, "router": {{"policy": "{}"}}}},
      "search": {{"grid": {{"hardware": ["x86-h100-sxm"]}}}}, "confidence": {{"replications": 2}},
      "objective": "usd_per_hour", "slo": {{"ttft_s": {{"p50": 5.0}}}}}})", router));
    const std::string out = (folder.path / router).string();
    REQUIRE(cli({"plan", request, "--out", out}).code == 0);
    return json::parse(text_of(out + "/plan.json"));
  };
  CHECK(contains(plan("round-robin")["notes"].dump(), "neither load nor router draw"));
  CHECK_FALSE(contains(plan("random")["notes"].dump(), "neither load nor router draw"));
}

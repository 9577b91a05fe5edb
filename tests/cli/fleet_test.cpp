// Failures, drains and scaling from the command line: what goes wrong is told, and what happens is counted.
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;
using nlohmann::json;

namespace {

CliRun run_with(std::vector<std::string> settings) {
  std::vector<std::string> arguments = {"run",   "--format",           "json", "--set", "replicas=2",
                                        "--set", "replicas_per_node=1"};
  for (const std::string& s : settings) arguments.insert(arguments.end(), {"--set", s});
  return cli(arguments);
}

}  // namespace

TEST_CASE("a failure is counted, noted and checked") {
  const CliRun run = run_with({"fleet.failures=0@20+10,1@40", "offload.mode=dram", "engine.check=true"});
  REQUIRE(run.code == 0);
  const json d = run.json();
  CHECK(d["fleet"]["node_failures"] == 2);
  CHECK(d["fleet"]["requeued_requests"].get<int>() > 0);
  CHECK(d["fleet"]["lost_kv_tokens"].get<int>() > 0);
  CHECK(d["fleet"]["mean_replicas"].get<double>() < 2);
  CHECK(d["requests"]["completed"] == d["requests"]["submitted"]);
  CHECK(d["notes"].dump().find("FLEET") != std::string::npos);
  CHECK_FALSE(run_with({}).json().contains("fleet"));
}

TEST_CASE("a fleet that scales is paid for as it runs") {
  const json all = run_with({}).json(),
             few = run_with({"scaling.min_replicas=1", "scaling.target_requests=1000"}).json();
  CHECK(few["fleet"]["mean_replicas"] == 1.0);
  CHECK(few["cost"]["usd_per_hour"].get<double>() == Approx(all["cost"]["usd_per_hour"].get<double>() / 2));
}

TEST_CASE("what is no failure is told with its place") {
  for (const char* text : {"0@20+", "0", "@5", "0@-1", "1.5@3", "0@5+6+7", "", "zero@5"}) {
    const CliRun run = run_with({std::string("fleet.failures=") + text});
    CAPTURE(text, run.err);
    CHECK(run.code == 3);
    CHECK(run.err.find("NODE@AT") != std::string::npos);
  }
  const CliRun beyond = run_with({"fleet.drains=2@5"});
  CHECK(beyond.code == 3);
  CHECK(beyond.err.find("names node 2, but the fleet has 2") != std::string::npos);
  const CliRun more = run_with({"scaling.min_replicas=3"});
  CHECK(more.code == 3);
  CHECK(more.err.find("exceeds replicas 2") != std::string::npos);
}

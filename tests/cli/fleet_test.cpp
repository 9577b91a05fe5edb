// Failures, drains and scaling from the command line: what goes wrong is told, and what happens is counted.
#include <algorithm>

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
  for (const char* text : {"0@20+", "0", "@5", "0@-1", "1.5@3", "0@5+6+7", "zero@5"}) {
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

namespace {

// Share of the prompt tokens of the look-alike of Mooncake's conversation trace that four replicas hit.
double hit_share(const std::vector<std::string>& settings) {
  std::vector<std::string> arguments = {"run",
                                        "--format",
                                        "json",
                                        "--replicas",
                                        "4",
                                        "--trace",
                                        KVPLAN_SOURCE_DIR "/examples/conversation-lookalike.jsonl.gz"};
  for (const std::string& s : settings) arguments.insert(arguments.end(), {"--set", s});
  const json kv = cli(arguments).json()["kv"];
  double hits = 0;
  for (const auto& [tier, tokens] : kv["hit_tokens"].items()) hits += tokens.get<double>();
  return hits / kv["prompt_tokens"].get<double>();
}

}  // namespace

TEST_CASE("known effects: prefix-aware routing hits more than blind, a stale view costs some of it") {
  const double blind = std::max(hit_share({"offload.mode=none", "router.policy=random"}),
                                hit_share({"offload.mode=none", "router.policy=least-loaded"}));
  const double exact = hit_share({"offload.mode=none", "router.policy=prefix-aware"});
  const double stale = hit_share(
      {"offload.mode=none", "router.policy=prefix-aware", "router.view=snapshot", "router.view_interval_s=300"});
  CAPTURE(blind, exact, stale);
  CHECK(exact > 1.5 * blind);
  CHECK(stale < exact - 0.02);
  CHECK(stale > blind + 0.02);
}

TEST_CASE("known effects: memory that replicas share hits more than as much of their own") {
  const std::vector<std::string> dram = {"offload.mode=dram", "offload.dram_bytes=200 GB"};
  const auto with = [&](const char* scope) {
    std::vector<std::string> settings = dram;
    settings.push_back(std::string("offload.dram_scope=") + scope);
    return hit_share(settings);
  };
  CHECK(with("node") > 1.5 * with("replica"));
}

TEST_CASE("a replica that is alone on its node has all of its memory, whatever the scope") {
  const auto kv = [](const char* scope) {
    const CliRun run = cli({"run", "--format", "json", "--set", "offload.mode=dram", "--set", "offload.dram_bytes=2 GB",
                            "--set", std::string("offload.dram_scope=") + scope});
    REQUIRE(run.code == 0);
    return run.json()["kv"].dump();
  };
  CHECK(kv("replica") == kv("node"));
}

TEST_CASE("a fleet has the memory of the GPUs that it pays for, also on a node that is not full") {
  const auto dram = [](const char* replicas, const char* scope) {
    const CliRun run = cli({"run", "--format", "json", "--offload", "dram", "--set", "trace.limit=20", "--replicas",
                            replicas, "--set", std::string("offload.dram_scope=") + scope, "--check"});
    REQUIRE(run.code == 0);
    return run.json()["series"]["below"][0]["capacity_bytes"].get<double>();
  };
  for (const char* scope : {"replica", "node", "fleet"}) {
    CAPTURE(scope);
    CHECK(dram("9", scope) == Approx(9.0 / 8 * dram("8", scope)).epsilon(1e-6));
  }
}

TEST_CASE("known ends: all that is lost is within the run") {
  const Folder folder;
  const std::string trace =
      folder.file("two.jsonl", R"({"timestamp": 0, "input_length": 512, "output_length": 2, "hash_ids": [1]})"
                               "\n"
                               R"({"timestamp": 0, "input_length": 512, "output_length": 5000, "hash_ids": [2]})"
                               "\n");
  const CliRun run = cli({"run", "--trace", trace, "--offload", "none", "--set", "fleet.failures=0@20",
                          "--format", "json"});
  const json result = run.json();
  CHECK(result["requests"]["refused"] == 1);
  CHECK(result["gpu"]["busy_fraction"] <= 1.0);
  CHECK(result["gpu"]["busy_fraction"] > 0.99);
  CHECK(result["fleet"]["replica_hours"].get<double>() == Approx(20.0 / 3600).epsilon(0.001));
}

// Fleets of several kinds from the command line: what a kind has of its own, what it costs, and what is refused.
#include <algorithm>

#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;
using nlohmann::json;

namespace {

using Words = std::vector<std::string>;

CliRun run_with(const Words& more) {
  Words words = {"run", "--set", "trace.limit=120", "--format", "json", "--set", "trace.rate_scale=4"};
  words.insert(words.end(), more.begin(), more.end());
  return cli(words);
}

json result_of(const Words& more) {
  const CliRun run = run_with(more);
  CAPTURE(run.err);
  REQUIRE((run.code == 0 || run.code == 5));
  return run.json();
}

double usd(const json& result) { return result["cost"]["usd_per_hour"].get<double>(); }

}  // namespace

TEST_CASE("each kind has its own hardware, memory, nodes and price") {
  const json h100 = result_of({"--replicas", "4"}), gh200 = result_of({"--hardware", "gh200-96", "--replicas", "2"});
  const json mixed = result_of({"--replicas", "4", "--also", "2 gh200-96"});
  CHECK(usd(mixed) == Approx(usd(h100) + usd(gh200)));
  REQUIRE(mixed["kinds"].size() == 2);
  CHECK(mixed["kinds"][0]["nodes"] == 1);
  CHECK(mixed["kinds"][1]["nodes"] == 2);
  CHECK(mixed["kinds"][1]["hardware"] == "gh200-96");
  CHECK(mixed["kinds"][0]["requests"].get<int>() + mixed["kinds"][1]["requests"].get<int>() == 120);
  CHECK(mixed["kinds"][0]["usd_per_hour"].get<double>() == Approx(usd(h100)));
  const json& other = mixed["provenance"]["other_kinds"][0];
  for (const char* what : {"hbm_kv_tokens_per_replica", "dram_bytes_per_node", "nodes"}) {
    CAPTURE(what);
    CHECK(other["derived"][what] == gh200["provenance"]["derived"][what]);
    CHECK(mixed["provenance"]["derived"][what] == h100["provenance"]["derived"][what]);
  }
  CHECK(other["step_time"] == gh200["provenance"]["step_time"]);
  CHECK(contains(mixed["notes"].dump(),
                 "MIXED FLEET: 4 x x86-h100-sxm of tp 1 on node 0; 2 x gh200-96 of tp 1 on nodes 1 to 2"));
  CHECK(contains(mixed["links"].dump(), "node2 "));
  CHECK(contains(mixed["notes"].dump(), "KIND: 2 x gh200-96"));
  CHECK_FALSE(h100.contains("kinds"));
}

TEST_CASE("kinds that are alike are a plain fleet") {
  json plain = result_of({"--replicas", "4", "--set", "replicas_per_node=2"}),
       mixed = result_of(
           {"--replicas", "2", "--set", "replicas_per_node=2", "--also", "2 x86-h100-sxm replicas_per_node=2"});
  CHECK(contains(mixed["notes"].dump(), "KIND 2: 2 x x86-h100-sxm"));
  for (const char* block : {"latency", "throughput", "kv", "links", "cost", "requests", "gpu", "verdict"}) {
    CAPTURE(block);
    if (std::string(block) == "cost") {  // sums of floating-point numbers
      CHECK(usd(mixed) == Approx(usd(plain)));
      CHECK(mixed[block]["joules_per_output_token"].get<double>() ==
            Approx(plain[block]["joules_per_output_token"].get<double>()));
    } else {
      CHECK(mixed[block] == plain[block]);
    }
  }
}

TEST_CASE("a mixed fleet keeps the rules of the log, with nodes that fail and a store for all") {
  Folder folder;
  const std::string out = (folder.path / "run").string();
  const CliRun run = run_with({"--replicas", "2", "--also", "1 gh200-96, 1 x86-a100-sxm tp=2", "--offload",
                               "dram+remote", "--set", "fleet.failures=1@10+5", "--set",
                               "engine.gpu_memory_utilization=0.4", "--router", "cost-aware", "--check", "--out", out});
  CAPTURE(run.err);
  CHECK(run.code == 0);
  CHECK(contains(run.err, "none broken"));
  CHECK(run.json()["fleet"]["node_failures"] == 1);
  CHECK(run.json()["kinds"][1]["mean_gpus"].get<double>() < 1);
  CHECK(cli({"validate", "run", out}).code == 0);
  CHECK(cli({"explain", out, "--worst", "3"}).code == 0);
  CHECK(cli({"timeline", out, "--out", out + "/t.json"}).code == 0);
}

TEST_CASE("what a kind has of its own counts for it alone") {
  const Words base = {"--replicas", "1", "--offload", "dram"};
  const auto derived = [&](const std::string& also) {
    Words words = base;
    words.insert(words.end(), {"--also", also});
    return result_of(words)["provenance"];
  };
  const json own = derived("1 x86-h100-sxm tp=2 offload.dram_bytes=5GB engine.gpu_memory_utilization=0.5");
  CHECK(own["other_kinds"][0]["derived"]["dram_bytes_per_node"] == 5'000'000'000);
  CHECK(own["other_kinds"][0]["derived"]["gpus"] == 2);
  CHECK(own["derived"]["gpus"] == 1);
  CHECK(own["derived"]["dram_bytes_per_node"] != 5'000'000'000);
  CHECK(own["other_kinds"][0]["derived"]["hbm_kv_bytes_per_gpu"] < own["derived"]["hbm_kv_bytes_per_gpu"]);
}

TEST_CASE("what is no kind is told with what it should be") {
  const std::pair<const char*, const char*> wrong[] = {{"gh200-96", "not REPLICAS HARDWARE"},
                                                       {"2", "not REPLICAS HARDWARE"},
                                                       {"2 gh200-96,", "not REPLICAS HARDWARE"},
                                                       {"0 gh200-96", "from 1 to"},
                                                       {"2 gh201", "gh200"},
                                                       {"2 gh200-96 tp", "not PATH=VALUE"},
                                                       {"2 gh200-96 tp=x", "tp must be"},
                                                       {"2 gh200-96 router.policy=random", "of its own"}};
  for (const auto& [also, why] : wrong) {
    const CliRun run = run_with({"--also", also});
    CAPTURE(also, run.err);
    CHECK(run.code == 3);
    CHECK(contains(run.err, why));
  }
  CHECK(run_with({"--also", "1 gh200-96 tp=2"}).code == 4);
  CHECK(run_with({"--also", "1 gh200-96", "--set", "scaling.min_replicas=1"}).code == 3);
  CHECK(run_with({"--also", "1 gh200-96", "--decode-replicas", "1"}).code == 3);
  const CliRun node = run_with({"--also", "2 gh200-96", "--set", "fleet.failures=3@5"});
  CHECK(contains(node.err, "names node 3, but the fleet has 3"));
}

TEST_CASE("a plan refuses mixed fleets") {
  Folder folder;
  const std::string request = folder.file("plan.json", R"({"base": {"fleet": {"also": "1 gh200-96"}},
    "slo": {"ttft_s": {"p95": 1}}, "search": {"grid": {"hardware": ["x86-h100-sxm"]}}})");
  const CliRun run = cli({"plan", request});
  CAPTURE(run.err);
  CHECK(run.code == 3);
}

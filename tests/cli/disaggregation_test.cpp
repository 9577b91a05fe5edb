// Prefill and decode replicas from the command line: placement, links, cost, and what is refused.
#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

nlohmann::json result_of(std::vector<std::string> more) {
  std::vector<std::string> words = {"run", "--set", "trace.limit=40", "--format", "json"};
  words.insert(words.end(), more.begin(), more.end());
  const CliRun run = cli(words);
  CAPTURE(run.err);
  REQUIRE((run.code == 0 || run.code == 5));
  return nlohmann::json::parse(run.out);
}

std::string link_names(const nlohmann::json& result) {
  std::string names;
  for (const auto& l : result["links"]) names += l["name"].get<std::string>() + ";";
  return names;
}

}  // namespace

TEST_CASE("decode replicas stand behind the prefill replicas, and are paid for") {
  const auto alone = result_of({});
  CHECK(alone["disaggregation"].is_null());
  const auto apart = result_of({"--replicas", "2", "--decode-replicas", "3", "--decode-tp", "2"});
  CHECK(apart["disaggregation"]["prefill_replicas"] == 2);
  CHECK(apart["disaggregation"]["decode_replicas"] == 3);
  CHECK(apart["disaggregation"]["handover_s"]["mean"] > 0);
  CHECK(apart["cost"]["usd_per_hour"].get<double>() == Approx(8 * alone["cost"]["usd_per_hour"].get<double>()));
  CHECK(apart["requests"]["completed"] == alone["requests"]["completed"]);
  // Eight GPUs of one node: all prompts cross peer links. One GPU more, and one pair crosses the network.
  CHECK(contains(link_names(apart), "handover prefill0 peer"));
  CHECK_FALSE(contains(link_names(apart), "network"));
  const auto wide = result_of({"--replicas", "2", "--decode-replicas", "4", "--decode-tp", "2"});
  CHECK(contains(link_names(wide), "handover decode3 network"));
  CHECK_FALSE(contains(link_names(wide), "decode2 network"));
}

TEST_CASE("a slower network makes hand-overs longer, and leaves first tokens where they were") {
  const auto with = [](const char* rate) {
    return result_of({"--hardware", "gh200-96", "--decode-replicas", "1", "--set",
                      std::string("disaggregation.network_bytes_per_s=") + rate});
  };
  const auto fast = with("50e9"), slow = with("5e9");
  CHECK(slow["disaggregation"]["handover_s"]["mean"] > fast["disaggregation"]["handover_s"]["mean"]);
  CHECK(slow["latency"]["ttft_s"] == fast["latency"]["ttft_s"]);
  CHECK(slow["latency"]["tpot_s"]["mean"] > fast["latency"]["tpot_s"]["mean"]);
}

TEST_CASE("the log of a disaggregated run is checked, and explained") {
  const Folder folder;
  const std::string out = (folder.path / "run").string();
  const CliRun run = cli({"run", "--set", "trace.limit=60", "--replicas", "2", "--decode-replicas", "2", "--offload",
                          "dram", "--set", "disaggregation.handover=layerwise", "--check", "--out", out});
  CAPTURE(run.err);
  CHECK((run.code == 0 || run.code == 5));
  CHECK(contains(run.err, "none broken"));
  const CliRun again = cli({"validate", "run", out});
  CHECK(again.code == 0);
  CHECK(contains(again.out, "handover"));
  CHECK(contains(cli({"explain", out, "3"}).out, "handed over to replica"));
  CHECK(cli({"timeline", out}).code == 0);
}

TEST_CASE("what cannot be disaggregated is refused") {
  CHECK(cli({"run", "--decode-replicas", "1", "--decode-tp", "16"}).code == 4);
  const CliRun pairs = cli({"run", "--replicas", "1000", "--decode-replicas", "1000"});
  CHECK(pairs.code == 3);
  CHECK(contains(pairs.err, "more than 65536 pairs"));
}

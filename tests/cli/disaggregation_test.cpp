// Prefill and decode replicas from the command line: placement, links, cost, and what is refused.
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

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
  // Replica 2 is the first that decodes: its process has spans, and its engine ends requests.
  CHECK(contains(cli({"timeline", out}).out, R"("pid":3,"tid":0,)"));
  const std::string metrics = cli({"metrics", out}).out;
  CHECK(contains(metrics, R"(engine="3")"));
  for (const char* engine : {"0", "1"}) {
    const std::string series = std::string("request_success_total{model_name=\"llama-3.1-8b\",engine=\"") + engine;
    const std::size_t last = metrics.rfind(series);
    REQUIRE(last != std::string::npos);
    CHECK(contains(metrics.substr(last, metrics.find('\n', last) - last), "} 0 "));
  }
}

TEST_CASE("each pool's GPUs count by their own number and time") {
  const auto r = result_of({"--decode-replicas", "1", "--decode-tp", "4"});
  const double usd_per_token = r["cost"]["usd_per_million_output_tokens"].get<double>() / 1e6;
  const double s_per_token = usd_per_token / r["cost"]["usd_per_hour"].get<double>() * 3600;
  const double busy = r["gpu"]["busy_fraction"];
  // Five GPUs, at 700 W while they compute and at 105 W while they do not.
  const auto& joules = r["cost"]["joules_per_output_token_by_regime"];
  CHECK(joules["prefill"].get<double>() + joules["decode"].get<double>() == Approx(5 * s_per_token * busy * 700));
  CHECK(joules["idle"].get<double>() == Approx(5 * s_per_token * (1 - busy) * 105));
}

TEST_CASE("decode replicas are drawn for themselves") {
  const Folder folder;
  const std::string out = (folder.path / "run").string();
  REQUIRE(cli({"run", "--set", "trace.limit=40", "--replicas", "2", "--decode-replicas", "2", "--router", "random",
               "--out", out})
              .code == 0);
  std::istringstream lines(text_of(folder.path / "run" / "requests.jsonl"));
  std::set<std::pair<int, int>> pairs;
  for (std::string line; std::getline(lines, line);) {
    const auto r = nlohmann::json::parse(line);
    if (r.contains("decode_replica")) pairs.emplace(r["replica"], r["decode_replica"]);
  }
  CHECK(pairs.size() == 4);
}

TEST_CASE("what cannot be disaggregated is refused") {
  CHECK(cli({"run", "--decode-replicas", "1", "--decode-tp", "16"}).code == 4);
  const CliRun pairs = cli({"run", "--replicas", "1000", "--decode-replicas", "1000"});
  CHECK(pairs.code == 3);
  CHECK(contains(pairs.err, "more than 65536 pairs"));
}

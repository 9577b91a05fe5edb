// hw and model: figures with their sources, and the facts that follow.
#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

nlohmann::json json_of(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--format", "json"});
  const CliRun run = cli(arguments);
  CHECK(run.code == 0);
  CHECK(run.err.empty());
  return nlohmann::json::parse(run.out);
}

}  // namespace

TEST_CASE("lists name what ships") {
  const CliRun hw = cli({"hw", "list"});
  CHECK(hw.code == 0);
  for (const char* name : {"x86-h100-sxm", "gh200-96", "x86-a100-pcie"}) CHECK(contains(hw.out, name));
  CHECK(json_of({"hw", "list"}).size() == 10);
  const CliRun model = cli({"model", "list"});
  for (const char* name : {"llama-3.1-70b ", "deepseek-v3 ", "gpt-oss-120b ", "mixtral-8x7b ", "opt-30b "}) {
    CHECK(contains(model.out, name));
  }
  CHECK(json_of({"model", "list"}).size() >= 30);
}

TEST_CASE("hw show: every figure of the GPU with source and date, and the derived facts") {
  const auto h = json_of({"hw", "show", "x86-h100-sxm"});
  CHECK(h["gpu"]["figures"].size() == 18);
  for (const auto& [key, figure] : h["gpu"]["figures"].items()) {
    CAPTURE(key);
    CHECK_FALSE(figure["source"].get<std::string>().empty());
    CHECK_FALSE(figure["date"].get<std::string>().empty());
  }
  const auto& derived = h["derived"];
  CHECK(derived["kv_bytes_per_token"] == 131072);
  CHECK(derived["kv_memory_bytes_per_gpu"] == 76'500'000'000 - 2 * 8'030'261'248 - (std::int64_t{3} << 30));
  CHECK(derived["kv_memory_tokens_per_replica"] == 436'528);
  CHECK(derived["routes"].size() == 8);
  REQUIRE(derived["break_even"].size() == 8);  // DRAM by two layouts, SSD, remote store: one replica, and all
  CHECK(derived["break_even"][5]["tier"] == "ssd");
  // Where loading pays from some length on, the curves cross there.
  for (const auto& row : derived["break_even"]) {
    if (row["load_pays"] != "above") continue;
    for (const auto& point : row["curve"]) {
      CHECK((point["load_s"] < point["recompute_s"]) == (point["prefix_tokens"] >= row["above_prefix_tokens"]));
    }
  }
  CHECK(derived["break_even"][0]["load_pays"] == "above");
  // Small segments make loads dearer, so that they pay later.
  CHECK(derived["break_even"][0]["above_prefix_tokens"] < derived["break_even"][2]["above_prefix_tokens"]);
  // What a run's report says of one replica's loads is the same.
  const auto run = cli({"run", "--limit", "5", "--calibration", "roofline", "--set", "offload.layout=layer-first", "--format",
                        "json"}).json()["break_even"];
  for (std::size_t i = 0; i < run["tokens"].size(); ++i) {
    CHECK((run["tiers"][0]["load_s"][i] < run["recompute_s"][i]) ==
          (run["tokens"][i] >= derived["break_even"][2]["above_prefix_tokens"]));
  }
  const CliRun text = cli({"hw", "show", "x86-h100-sxm"});
  CHECK(contains(text.out, "vLLM blog, KV offloading connector"));
  CHECK(contains(text.out, "436,528 tokens a replica"));
}

TEST_CASE("GPUs that share a memory or an uplink load slower together than alone") {
  const auto sxm = json_of({"hw", "show", "x86-a100-sxm"})["derived"]["break_even"];
  CHECK(sxm[0]["bytes_per_s_per_gpu"] == 26'000'000'000);
  CHECK(sxm[1]["replicas_loading"] == 8);
  CHECK(sxm[1]["bytes_per_s_per_gpu"] == 13'000'000'000);
}

TEST_CASE("a model that does not fit is told with its bytes, and the rest is still shown") {
  const auto derived = json_of({"hw", "show", "gh200-96", "--model", "llama-3.1-70b"})["derived"];
  CHECK(derived["kv_memory_bytes_per_gpu"].is_null());
  CHECK(contains(derived["does_not_fit"].get<std::string>(), "141107412992 bytes"));
  CHECK(contains(cli({"hw", "show", "gh200-96", "--model", "llama-3.1-70b"}).out, "141107412992 bytes"));
}

TEST_CASE("model show: all hardware, or one in full") {
  const auto all = json_of({"model", "show", "llama-3.1-8b"});
  CHECK(all["parameters"] == 8'030'261'248);
  CHECK(all["weight_bytes"]["bf16"] == 16'060'522'496);
  CHECK(all["derived"].size() == 10);
  const auto one =
      json_of({"model", "show", "qwen3-32b", "--hardware", "x86-h100-sxm", "--tp", "2", "--kv-dtype", "fp8"});
  REQUIRE(one["derived"].size() == 1);
  CHECK(one["derived"][0]["kv_bytes_per_token_per_gpu"] == 262'144 / 4);
  // TP4 is wider than a superchip's node: its row says so, the others stand.
  const auto wide = json_of({"model", "show", "llama-3.1-70b", "--tp", "4"});
  for (const auto& row : wide["derived"]) {
    const std::string name = row["hardware"];
    CHECK(row.contains("infeasible") == (name.find("gh200-") == 0));
    if (row.contains("infeasible")) CHECK(contains(row["infeasible"].get<std::string>(), "needs 4 GPUs"));
  }
  CHECK(cli({"model", "show", "llama-3.1-70b", "--tp", "4", "--hardware", "gh200-96"}).code == 4);
}

TEST_CASE("hw and model refuse what they do not know") {
  CHECK(cli({"hw", "list", "--tp", "2"}).code == 2);
  CHECK(contains(cli({"hw", "list", "--model", "llama-3.1-70b"}).err, "--model says nothing of a list"));
  const CliRun name = cli({"hw", "show", "gh200-69"});
  CHECK(name.code == 3);
  CHECK(contains(name.err, "did you mean \"gh200-96\"?"));
  CHECK(cli({"model", "show", "nothing-like-it"}).code == 3);
  CHECK(cli({"hw"}).code == 2);
  CHECK(cli({"hw", "show"}).code == 2);
  CHECK(cli({"hw", "list", "gh200-96"}).code == 2);
  CHECK(cli({"model", "lst"}).code == 2);
  CHECK(cli({"hw", "show", "gh200-96", "--tp", "0"}).code == 2);
  CHECK(cli({"hw", "show", "gh200-96", "--gpu-memory-utilization", "nan"}).code == 2);
  CHECK(cli({"hw", "list", "--format", "csv"}).code == 2);
  CHECK(cli({"model", "show", "llama-3.1-8b", "--tp", "3", "--hardware", "x86-h100-sxm"}).code == 4);
}

TEST_CASE("model show tells experts, windows and latent attention") {
  const auto oss = json_of({"model", "show", "gpt-oss-120b", "--weights", "fp4"});
  CHECK(oss["moe"]["experts"] == 128);
  CHECK(oss["window"]["layers"] == 18);
  CHECK(oss["kv_bytes_per_token_beyond_window"]["bf16"] == 36864);
  CHECK(json_of({"model", "show", "deepseek-v3"})["mla"]["kv_rank"] == 512);
  CHECK(json_of({"model", "show", "llama-3.1-8b"})["moe"].is_null());
  const CliRun text = cli({"model", "show", "gpt-oss-120b"});
  CHECK(contains(text.out, "4 of 128 experts of 2,880 in 36 layers"));
  CHECK(contains(text.out, "18 of 36 layers see the last 128 tokens"));
}

TEST_CASE("an imported config.json is a model to run") {
  Folder folder;
  const std::string config = std::string(KVPLAN_SOURCE_DIR) + "/tests/models/configs/qwen3-30b-a3b.json";
  const std::string out = (folder.path / "own.json").string();
  const CliRun imported = cli({"model", "import", config, "--name", "own", "--out", out});
  CHECK(imported.code == 0);
  CHECK(contains(imported.err, "30.53 G parameters"));
  CHECK(json_of({"model", "show", out})["parameters"] == 30'532'122'624);
  const CliRun bad = cli({"model", "import", out});
  CHECK(bad.code == 3);
  CHECK(contains(bad.err, "\"model_type\" is missing"));
  CHECK(cli({"model", "import"}).code == 2);
  CHECK(cli({"model", "import", config, "--out", "no-json"}).code == 2);
}

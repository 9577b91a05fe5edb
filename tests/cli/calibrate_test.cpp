// kvplan calibrate from end to end: a run of the GPU harness to a hardware file that a simulation takes.
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

const std::string kEmulated = std::string(KVPLAN_SOURCE_DIR) + "/tests/gpu/emulated-run.json.gz";

}  // namespace

TEST_CASE("a run of kvplan-gpu becomes a calibration and a hardware file, and both count in a run") {
  const Folder folder;
  std::filesystem::create_directory(folder.path / "nodes");
  const std::string out = (folder.path / "mine.json").string(), node = (folder.path / "nodes/node.json").string();
  const CliRun made = cli({"calibrate", kEmulated, "--hardware", "x86-h100-sxm", "--base", "h100-sxm5-80gb", "--synthetic",
                           "--bootstraps", "20", "--out", out, "--hardware-out", node});
  REQUIRE(made.code == 0);
  CHECK(contains(made.out, "gemm bf16"));
  CHECK(contains(made.out, "lm_head of 32 rows"));
  CHECK(contains(made.out, "to_device_segment_s"));
  CHECK(contains(made.err, "all_reduce bf16 is taken from h100-sxm5-80gb"));
  const nlohmann::json hardware = nlohmann::json::parse(text_of(node));
  CHECK(hardware["calibration"] == "../mine.json");  // from the folder of the file that names it
  CHECK(hardware["link_kinds"][0]["to_device_bytes_per_s"]["source"] == "measured");
  CHECK(hardware["link_kinds"][1]["to_device_bytes_per_s"]["source"] != "measured");  // drives were not
  const CliRun run = cli({"run", "--hardware", node, "--format", "json"});
  REQUIRE(run.code == 0);
  CHECK(contains(run.json()["notes"].dump(), "SYNTHETIC step times"));
  CHECK(contains(run.json()["provenance"].dump(), "SYNTHETIC, made by a formula: kvplan-gpu"));
}

TEST_CASE("what cannot be calibrated is told: synthetic runs, nothing to write, unknown operators, links without any") {
  const Folder folder;
  const std::string out = (folder.path / "x.json").string();
  const CliRun synthetic = cli({"calibrate", kEmulated, "--hardware", "x86-h100-sxm", "--out", out});
  CHECK(synthetic.code == 3);
  CHECK(contains(synthetic.err, "made by a formula"));
  CHECK(cli({"calibrate", kEmulated, "--hardware", "x86-h100-sxm"}).code == 2);
  CHECK(cli({"calibrate", kEmulated, "--hardware", "x86-h100-sxm", "--synthetic", "--out", "-", "--hardware-out", out}).code == 2);
  for (const char* idle : {"--tp", "--benchmark"}) {
    const CliRun refused = cli({"calibrate", kEmulated, "--hardware", "x86-h100-sxm", "--synthetic", "--out", out, idle, "4"});
    CHECK(refused.code == 2);
    CHECK(contains(refused.err, "FROM has none"));
  }
  const CliRun only = cli({"calibrate", kEmulated, "--hardware", "x86-h100-sxm", "--synthetic", "--only", "gem", "--out", out});
  CHECK(only.code == 2);
  CHECK(contains(only.err, "gemm"));
  const std::string rows = folder.file("rows.csv",
                                       "system,backend,backend_version,model,precision,isl,osl,concurrency,tp,ttft_ms_mean,"
                                       "tpot_ms_mean\nh200_sxm,vllm,1,llama-3.1-8b,bf16,128,128,1,1,10,10\n");
  CHECK(cli({"calibrate", rows, "--hardware", "x86-h100-sxm", "--hardware-out", out}).code == 2);
  const CliRun other = cli({"calibrate", rows, "--hardware", "x86-h100-sxm", "--out", out});
  CHECK(other.code == 3);
  CHECK(contains(other.err, "a row of h200_sxm, but the hardware is x86-h100-sxm"));
}

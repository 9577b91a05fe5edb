// kvplan calibrate from end to end: a run of the GPU harness to a hardware file that a simulation takes.
#include <fmt/format.h>

#include <algorithm>

#include "base/file.hpp"
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
  CHECK(hardware["gpu"]["hbm_bytes"]["value"] == 85'899'345'920);
  CHECK(hardware["gpu"]["hbm_bytes"]["source"] == "measured");
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

TEST_CASE("links alone are checked as operators are, and nothing is written that kvplan would not load") {
  const Folder folder;
  const std::string node = (folder.path / "node.json").string();
  const auto links_of = [&](const nlohmann::json& run, std::vector<std::string> more = {}) {
    std::filesystem::remove(node);
    std::vector<std::string> arguments = {"calibrate",  folder.file("run.json", run.dump()),
                                          "--hardware", "x86-h100-sxm", "--hardware-out", node};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return cli(arguments);
  };
  const auto scaled = [](nlohmann::json of, const std::string& experiment, const std::string& aggressor, double factor) {
    for (auto& p : of["points"]) {
      if (p["exp"] != experiment || p["samples_ns"].empty()) continue;
      if (!aggressor.empty() && p["params"]["aggressor"] != aggressor) continue;
      for (auto& ns : p["samples_ns"]) ns = ns.get<double>() * factor;
      p["median_ns"] = p["median_ns"].get<double>() * factor;
    }
    return of;
  };
  const nlohmann::json run = nlohmann::json::parse(read_text_file(kEmulated));
  const std::vector<std::string> synthetic = {"--synthetic"};
  CHECK(contains(links_of(run).err, "made by a formula"));
  CHECK(links_of(run, synthetic).code == 0);
  nlohmann::json other = run;
  other["env"]["gpu"]["name"] = "NVIDIA H200";
  CHECK(contains(links_of(other, synthetic).err, "times of h200"));
  nlohmann::json first = run, second = run;  // of one GPU, whose memory both tell
  const auto keep = [](nlohmann::json& of, bool small) {
    auto& points = of["points"];
    const auto elsewhere = [&](const auto& p) { return (p["exp"] == "X1" || p["exp"] == "X2" || p["exp"] == "X3") != small; };
    points.erase(std::remove_if(points.begin(), points.end(), elsewhere), points.end());
  };
  keep(first, true), keep(second, false);
  CHECK(cli({"calibrate", folder.file("first.json", first.dump()), folder.file("second.json", second.dump()), "--hardware",
             "x86-h100-sxm", "--synthetic", "--hardware-out", node})
            .code == 0);
  const CliRun fast = links_of(scaled(scaled(run, "X1", "", 0.02), "X2", "", 0.02), synthetic);
  CHECK(fast.code == 3);
  CHECK(contains(fast.err, "more than pcie5-x16 can do"));
  const CliRun slowed = links_of(scaled(run, "X5", "h2d dma", 30), synthetic);
  CHECK(slowed.code == 3);
  CHECK(contains(slowed.err, "copy_slowdown_to_device"));
  CHECK_FALSE(std::filesystem::exists(node));
  nlohmann::json without = run;
  auto& points = without["points"];
  const auto link = [](const auto& p) { return p["exp"] == "X1" || p["exp"] == "X2"; };
  points.erase(std::remove_if(points.begin(), points.end(), link), points.end());
  CHECK(contains(links_of(without, synthetic).err, "from_device_bytes_per_s was not measured: it stays as published"));
  for (const char* idle : {"--date", "--base", "--name"}) {
    const CliRun refused = links_of(run, {"--synthetic", idle, "x"});
    CHECK(refused.code == 2);
    CHECK(contains(refused.err, "which is not given"));
  }
}

TEST_CASE("a calibration has the date of its run, and copies by batch or kernel as it measured them") {
  const Folder folder;
  const std::string out = (folder.path / "mine.json").string(), node = (folder.path / "node.json").string();
  REQUIRE(cli({"calibrate", std::string(KVPLAN_SOURCE_DIR) + "/tests/replay/emulated/gpu-run.json.gz", "--hardware",
               "x86-h100-sxm", "--synthetic", "--bootstraps", "20", "--out", out, "--hardware-out", node})
              .code == 0);
  CHECK(nlohmann::json::parse(text_of(out))["date"].get<std::string>().size() == std::string("2026-11-25").size());
  std::string measured;
  const nlohmann::json hardware = nlohmann::json::parse(text_of(node));
  for (const nlohmann::json& s : hardware["copy_surfaces"]) {
    measured += fmt::format("{} {} {}, ", s["method"].get<std::string>(), s["direction"].get<std::string>(),
                            s["source"].get<std::string>());
  }
  CHECK(measured == "batch to_device measured, batch from_device measured, kernel to_device measured, "
                    "kernel from_device measured, ");
}

// kvplan validate replay: plans whose simulation copies as the engine does.
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

CliRun plan(std::vector<std::string> more) {
  std::vector<std::string> arguments = {
      "validate", "replay", "plan", "--set", std::string("trace.path=") + KVPLAN_SOURCE_DIR + "/examples/chat.jsonl.gz",
      "--set", "trace.window_end_s=20", "--set", "trace.to_block_tokens=16", "--set", "model=llama-3.1-8b",
      "--policies", "blocking"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return cli(arguments);
}

}  // namespace

TEST_CASE("how the engine copies is how a simulation of its plan prices copies") {
  const CliRun batched = plan({"--copies", "batch"});
  REQUIRE(batched.code == 0);
  CHECK(batched.json()["copies"] == "batch");
  CHECK(batched.json()["policies"][0]["scenario"]["offload"]["copy_method"] == "batch");
  CHECK(plan({}).json()["policies"][0]["scenario"]["offload"]["copy_method"] == "dma");
  CHECK(plan({"--copies", "kernel_12"}).json()["policies"][0]["scenario"]["offload"]["copy_method"] == "kernel");
  CHECK(contains(plan({"--copies", "kernel_4"}).err, "cannot be priced"));
  const CliRun contradicts = plan({"--copies", "batch", "--set", "offload.copy_method=kernel"});
  CHECK(contradicts.code == 2);
  CHECK(contains(contradicts.err, "is not offload.copy_method kernel"));
  CHECK(plan({"--copies", "batch", "--set", "hardware=gh200-96"}).code == 4);
}

TEST_CASE("predictions want the engine's way of copying measured in both directions, and said in the plan") {
  const Folder folder;
  const std::string batched = folder.file("batch.json", plan({"--copies", "batch"}).out);
  const CliRun one_way = cli({"validate", "replay", "predict", batched, "--hardware", "x86-h100-sxm"});
  CHECK(one_way.code == 4);
  CHECK(contains(one_way.err, "no measured copies by batch from the device"));
  nlohmann::json edited = nlohmann::json::parse(text_of(batched));
  edited["copies"] = "dma";
  const CliRun contradicts =
      cli({"validate", "replay", "predict", folder.file("edited.json", edited.dump()), "--hardware", "x86-h100-sxm"});
  CHECK(contradicts.code == 3);
  CHECK(contains(contradicts.err, "copy by dma, but the scenario says batch"));
  const std::string kernels = folder.file("kernel.json", plan({"--copies", "kernel_12"}).out);
  const CliRun predicted = cli({"validate", "replay", "predict", kernels, "--hardware", "x86-h100-sxm"});
  REQUIRE(predicted.code == 0);
  CHECK(predicted.json()["policies"][0]["links"]["load"]["submission_ps"].size() > 2);
}

TEST_CASE("what the mini-engine does not do is not planned for") {
  for (const char* set : {"replicas=2", "tp=2", "kv_dtype=fp8", "engine.overlap=true", "offload.eviction=arc",
                          "fleet.failures=0@5", "fleet.also=1 gh200-96", "frontend.requests_per_s=3"}) {
    CAPTURE(set);
    const CliRun refused = plan({"--set", set});
    CHECK(refused.code == 3);
    CHECK(contains(refused.err, "the mini-engine knows no"));
  }
  const Folder folder;
  nlohmann::json edited = plan({}).json();
  edited["policies"][0]["scenario"]["replicas"] = 1000;
  CHECK(cli({"validate", "replay", "predict", folder.file("p.json", edited.dump()), "--hardware", "x86-h100-sxm"}).code == 3);
}

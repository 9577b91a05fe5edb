#include "cli/reference.hpp"

#include "base/json_schema.hpp"
#include "cli/options.hpp"
#include "cli/scenario.hpp"
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

TEST_CASE("docs/reference.md is what the table says: kvplan schema scenario --format md writes it") {
  CHECK(text_of(KVPLAN_SOURCE_DIR "/docs/reference.md") == reference_markdown());
  CHECK(cli({"schema", "scenario", "--format", "md"}).out == reference_markdown());
}

TEST_CASE("the schema takes what the reader takes, and refuses what it refuses") {
  const nlohmann::json schema = cli({"schema", "scenario"}).json();
  CHECK(schema_problems(schema, Scenario().merged()).empty());
  CHECK(schema_problems(schema, {{"offload", {{"dram_bytes", "480 GB"}, {"mode", {"none", "dram"}}}}}).empty());
  CHECK_FALSE(schema_problems(schema, {{"tp", 0}}).empty());
  CHECK_FALSE(schema_problems(schema, {{"offload", {{"mode", "dramm"}}}}).empty());
  CHECK_FALSE(schema_problems(schema, {{"engine", {{"max_num_seq", 4}}}}).empty());
}

TEST_CASE("the examples are scenarios, by the reader and by the schema") {
  const nlohmann::json schema = scenario_schema();
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(KVPLAN_SOURCE_DIR "/examples")) {
    if (entry.path().extension() != ".json") continue;
    CAPTURE(entry.path().string());
    const JsonFile file = JsonFile::load(entry.path().string());
    if (file.root().contains("base")) continue;  // a sweep or a question for the planner, around a scenario
    CHECK_NOTHROW(Scenario().apply(file));
    CHECK(schema_problems(schema, file.root()).empty());
    ++count;
  }
  CHECK(count > 0);
}

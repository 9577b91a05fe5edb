#include "cli/scenario.hpp"

#include "base/error.hpp"
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

std::string errors_of(const std::string& text) {
  Scenario s;
  try {
    s.apply(JsonFile::parse(text, "s.json"));
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("layers lie over one another: built-in, file, --set, flag, in whatever order they are given") {
  Folder folder;
  const std::string file = folder.file(
      "s.json", "{\n  // comments are allowed\n  \"tp\": 2, \"replicas\": 3, \"engine\": {\"max_num_seqs\": 7}\n}");
  const CliRun run = cli({"run", "--tp", "8", file, "--set", "tp=4", "--set", "engine.max_num_seqs=9", "--set",
                          "engine.max_num_seqs=11", "--print-config"});
  REQUIRE(run.code == 0);
  const auto line = [&](const std::string& path) {
    const std::size_t at = run.out.find("\n" + path + " ") + 1;
    return run.out.substr(at, run.out.find('\n', at) - at);
  };
  CHECK(contains(line("tp"), "8 GPUs"));
  CHECK(contains(line("tp"), "--tp"));
  CHECK(contains(line("replicas"), "3"));
  CHECK(contains(line("replicas"), "s.json"));
  CHECK(contains(line("engine.max_num_seqs"), "11 sequences"));
  CHECK(contains(line("engine.max_num_seqs"), "--set"));
  CHECK(contains(line("model"), "\"llama-3.1-8b\""));
  CHECK(contains(line("model"), "built-in"));
  CHECK(contains(line("engine.max_context_tokens"), "the model's window"));
}

TEST_CASE("all errors of a file are told at once, each with line, column, range and help") {
  const std::string text = errors_of(
      "{\n  \"tp\": 0,\n  \"modle\": \"x\",\n  \"engine\": {\n    \"max_num_seqs\": \"many\",\n    \"page_token\": "
      "16\n  },\n"
      "  \"offload\": {\"mode\": \"dramm\"},\n  \"router\": 5\n}");
  CHECK(contains(text, "s.json:2:"));
  CHECK(contains(text, "tp must be an integer from 1 to 64 GPUs, not 0"));
  CHECK(contains(text, "s.json:3:3: error: unknown key \"modle\"\n  help: did you mean \"model\"?"));
  CHECK(contains(text, "s.json:5:"));
  CHECK(contains(text, "engine.max_num_seqs must be an integer from 1 to 65536 sequences, not \"many\""));
  CHECK(contains(text,
                 "s.json:6:5: error: unknown key \"engine.page_token\"\n  help: did you mean \"engine.page_tokens\"?"));
  CHECK(contains(text, "help: did you mean \"dram\"?"));
  CHECK(contains(text, "s.json:9:"));
  CHECK(contains(text, "router must be an object, not 5"));
}

TEST_CASE("a scenario that is no object is refused") {
  CHECK(contains(errors_of("[1, 2]"), "a scenario must be a JSON object"));
}

TEST_CASE("null takes an option back to what decides without it") {
  Scenario s;
  s.assign("slo.ttft_s=2", "--set");
  CHECK(s.has("slo.ttft_s"));
  s.assign("slo.ttft_s=null", "--set");
  CHECK_FALSE(s.has("slo.ttft_s"));
  CHECK_THROWS_AS(s.assign("tp=null", "--set"), UsageError);
}

TEST_CASE("the option --set without a value, and of what does not exist") {
  const CliRun bare = cli({"run", "--set", "tp"});
  CHECK(bare.code == 2);
  CHECK(contains(bare.err, "--set needs path=value, not \"tp\""));
  const CliRun unknown = cli({"run", "--set", "engine.tp=2"});
  CHECK(unknown.code == 2);
  CHECK(contains(unknown.err, "unknown option \"engine.tp\"\n  help: did you mean \"tp\"?"));
}

TEST_CASE("the merged scenario reads back as itself") {
  Scenario s;
  s.assign("offload.mode=none,dram", "--set");
  s.assign("slo.ttft_s=1.5", "--set");
  s.assign("offload.dram_bytes=64 GiB", "--set");
  Scenario again;
  again.apply(JsonFile::parse(s.merged().dump(), "merged.json"));
  CHECK(again.merged() == s.merged());
}

// Goal: trace convert keeps what the format holds, names what it loses, and --strict refuses what would be repaired.
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

const std::string kChat = KVPLAN_SOURCE_DIR "/examples/chat.jsonl.gz";
const std::string kAzure =
    "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.5,374,44\n2023-11-16 18:15:50.0,396,109\n";
const std::string kRow = R"({"timestamp": 5, "input_length": 512, "output_length": 1, "hash_ids": [1]})"
                         "\n";

nlohmann::json stat(const std::string& path) {
  const CliRun o = cli({"trace", "stat", path, "--format", "json"});
  REQUIRE(o.code == 0);
  nlohmann::json all = o.json();
  for (const char* of_the_file : {"name", "sha256", "format"}) all.erase(of_the_file);
  return all;
}

}  // namespace

TEST_CASE("trace convert: a Mooncake trace comes back with the same statistics, and again with the same bytes") {
  const Folder folder;
  const std::string once = (folder.path / "once.jsonl").string(), twice = (folder.path / "twice.jsonl.gz").string();
  const CliRun first = cli({"trace", "convert", kChat, "--to", "mooncake", "--out", once});
  CHECK(first.code == 0);
  CHECK(!contains(first.err, "lost:"));
  CHECK(stat(once) == stat(kChat));
  CHECK(cli({"trace", "convert", once, "--out", twice}).code == 0);
  CHECK(cli({"trace", "convert", twice}).out == text_of(once));
}

TEST_CASE("trace convert: what Mooncake cannot hold is named") {
  const Folder folder;
  const std::string log = folder.file(
      "log.jsonl", R"({"timestamp": 1, "prompt_tokens": 700, "completion_tokens": 30, "user": "u", "duration_s": 2})"
                   "\n"
                   R"({"timestamp": 9, "prompt_tokens": 900, "completion_tokens": 30, "user": "u", "duration_s": 2})"
                   "\n");
  const CliRun o = cli({"trace", "convert", log});
  CHECK(o.code == 0);
  CHECK(contains(o.err, "lost: recorded service times (2 rows)"));
  CHECK(contains(o.err, "lost: names of sessions"));
  CHECK(contains(o.err, "2 rows from openai-log to mooncake"));
  const CliRun weka = cli({"trace", "convert", KVPLAN_SOURCE_DIR "/tests/fuzz/corpus/weka/good"});
  CHECK(weka.code == 0);
  CHECK(contains(weka.err, "lost: names of models, kinds of input and output, stop reasons"));
  CHECK(contains(weka.err, "lost: the size of a block: read the result with --block-tokens 64"));
}

TEST_CASE("trace convert: lengths and times of a table survive") {
  const Folder folder;
  const std::string out = (folder.path / "azure.jsonl").string();
  CHECK(cli({"trace", "convert", folder.file("azure.csv", kAzure), "--out", out}).code == 0);
  const auto s = stat(out);
  CHECK(s["turns"] == 2);
  CHECK(s["total_prompt_tokens"] == 374 + 396);
  CHECK(s["total_output_tokens"] == 44 + 109);
  CHECK(s["duration_s"] == 3.5);
}

TEST_CASE("trace convert and stat: --strict refuses what is repaired without it") {
  const Folder folder;
  const std::string unknown = folder.file("unknown.jsonl", kRow.substr(0, kRow.size() - 2) + ", \"x\": 1}\n");
  const std::string backwards = folder.file("backwards.jsonl", kRow + "{\"timestamp\": 4" + kRow.substr(15));
  for (const std::string verb : {"convert", "stat"}) {
    CAPTURE(verb);
    const CliRun tolerant = cli({"trace", verb, unknown});
    CHECK(tolerant.code == 0);
    CHECK(contains(tolerant.err, "note: unknown field \"x\": ignored (1 rows)"));
    const CliRun strict = cli({"trace", verb, unknown, "--strict"});
    CHECK(strict.code == 3);
    CHECK(contains(strict.err, "unknown.jsonl:1: error: unknown fields: x"));
    CHECK(cli({"trace", verb, backwards}).code == 0);
    const CliRun sorted = cli({"trace", verb, backwards, "--strict"});
    CHECK(sorted.code == 3);
    CHECK(contains(sorted.err, "time goes backwards here"));
  }
}

TEST_CASE("trace convert: unknown formats, sizes, inputs and places are refused") {
  CHECK(contains(cli({"trace", "convert", kChat, "--to", "moncake"}).err, "did you mean \"mooncake\"?"));
  CHECK(cli({"trace", "convert", kChat, "--block-tokens", "0"}).code == 2);
  CHECK(cli({"trace", "convert"}).code == 2);
  CHECK(cli({"trace", "convert", "/nowhere.jsonl"}).code == 3);
  CHECK(cli({"trace", "convert", kChat, "--out", "/nowhere/at/all.jsonl"}).code == 3);
}

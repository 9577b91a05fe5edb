// What `run --out` and `sweep --out` wrote is read by every verb that reads results, also where little happened in it.
#include <fmt/format.h>

#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

std::string turn(std::int64_t ms, int prompt_tokens, int output_tokens, int block) {
  return fmt::format(R"({{"timestamp": {}, "input_length": {}, "output_length": {}, "hash_ids": [{}]}})"
                     "\n",
                     ms, prompt_tokens, output_tokens, block);
}

struct Odd {
  const char* what;
  std::string trace;
  std::vector<std::string> more;
};

const Odd kOdd[] = {
    {"answers of one token, so that none has a TPOT", turn(0, 400, 1, 1) + turn(2000, 400, 1, 2), {}},
    {"all requests refused", turn(0, 400, 9, 1) + turn(2000, 400, 9, 2), {"--set", "engine.max_context_tokens=100"}},
    {"no replica left", turn(0, 400, 9, 1) + turn(2000, 400, 9, 2), {"--set", "fleet.failures=0@0"}},
    {"one request", turn(0, 400, 9, 1), {"--offload", "dram"}},
    {"the last seconds of the clock", turn(0, 400, 9, 1) + turn(9'223'370'000, 400, 9, 2), {"--offload", "dram"}},
};

}  // namespace

TEST_CASE("every verb that reads a result reads what a run wrote", "[kept]") {
  for (const Odd& odd : kOdd) {
    const Folder folder;
    const std::string out = (folder.path / "out").string();
    std::vector<std::string> run = {"run", "--trace", folder.file("t.jsonl", odd.trace), "--events", "--out", out};
    run.insert(run.end(), odd.more.begin(), odd.more.end());
    INFO(odd.what);
    const CliRun made = cli(run);
    CAPTURE(made.err);
    REQUIRE((made.code == 0 || made.code == 5));
    for (const std::vector<std::string>& verb :
         {std::vector<std::string>{"report", out}, {"report", out, "--format", "md"}, {"report", out, "--format", "csv"},
          {"report", out, out}, {"metrics", out}, {"explain", out, "0"}, {"explain", out, "--worst", "2"},
          {"compare", out, out}, {"timeline", out}}) {
      const CliRun read = cli(verb);
      CAPTURE(fmt::format("{}", fmt::join(verb, " ")), read.err);
      CHECK(read.code == 0);
    }
  }
}

TEST_CASE("a report reads a sweep, from its folder and from what merge writes", "[kept]") {
  const Folder folder;
  const std::string out = (folder.path / "out").string(), merged = (folder.path / "merged.json").string();
  const std::string sweep = folder.file(
      "s.json", R"({"base": {"trace": {"limit": 40}}, "vary": {"grid": {"hardware": ["x86-h100-sxm", "gh200-96"]}}})");
  REQUIRE(cli({"sweep", sweep, "--out", out}).code == 0);
  REQUIRE(cli({"sweep", "merge", out, "--format", "json", "--output", merged}).code == 0);
  const CliRun from_folder = cli({"report", out, "--format", "md"}), from_file = cli({"report", merged, "--format", "md"});
  CAPTURE(from_folder.err, from_file.err);
  CHECK(from_folder.code == 0);
  CHECK(contains(from_folder.out, "x86-h100-sxm"));
  CHECK(contains(from_folder.out, "gh200-96"));
  CHECK(from_file.out == from_folder.out);
}

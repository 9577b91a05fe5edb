#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;
using nlohmann::json;

TEST_CASE("compare: a run against itself differs in nothing, a slower one significantly, and the settings are listed") {
  Folder folder;
  const std::string scenario = folder.file("s.json", "{\"trace\": {\"limit\": 600}}");
  const std::string out = (folder.path / "out").string();
  REQUIRE(cli({"run", scenario, "--out", out}).code == 0);
  const json same = cli({"compare", out, scenario, "--format", "json"}).json();
  CHECK(same["settings"].empty());
  for (const json& f : same["figures"]) CHECK(f["difference"] == 0);
  const json slower = cli({"compare", scenario, "--set", "frontend.fixed_s=0.5", "--format", "json"}).json();
  CHECK(slower["settings"][0]["path"] == "frontend.fixed_s");
  CHECK(slower["figures"][0]["figure"] == "ttft_s mean");
  CHECK(slower["figures"][0]["significant"] == true);
  CHECK(slower["figures"][0]["low"].get<double>() > 0.3);
  CHECK(contains(cli({"compare", scenario, "--set", "frontend.fixed_s=0.5"}).out, "significant"));
}

TEST_CASE("compare refuses runs of different loads, and folders that hold no run") {
  Folder folder;
  const std::string a = folder.file("a.json", "{\"trace\": {\"limit\": 100}}"),
                    b = folder.file("b.json", "{\"trace\": {\"limit\": 101}}");
  const CliRun different = cli({"compare", a, b});
  CHECK(different.code == 3);
  CHECK(contains(different.err, "cannot be paired: trace.limit is 100 in A and 101 in B"));
  // Requests of the same lengths that arrive at another rate are another load, and so is another seed.
  for (const auto& set : {std::pair{"trace.rate_scale=2", "trace.rate_scale is 1.0 in A and 2.0 in B"},
                          {"seed=2", "seed is 1 in A and 2 in B"}}) {
    const CliRun other = cli({"compare", a, "--set", set.first});
    CHECK(other.code == 3);
    CHECK(contains(other.err, set.second));
  }
  CHECK(cli({"compare", folder.path.string(), a}).code == 3);
  CHECK(cli({"compare", a}).code == 2);
}

TEST_CASE("compare tells what one side refused, and which side is not stable") {
  Folder folder;
  const std::string scenario = folder.file("s.json", "{\"trace\": {\"limit\": 200}}");
  const json some = cli({"compare", scenario, "--set", "engine.max_context_tokens=8000", "--format", "json"}).json();
  const auto served = some["sides"]["b"]["served"].get<int>();
  CHECK(some["sides"]["a"]["served"] == 200);
  CHECK(served < 200);
  CHECK(some["served_by_both"] == served);
  for (const json& f : some["figures"]) CHECK(f["pairs"].get<int>() <= served);
  CHECK(contains(cli({"compare", scenario, "--set", "engine.max_context_tokens=8000"}).out, "of 200 requests are paired"));
  const CliRun none = cli({"compare", scenario, "--set", "engine.max_context_tokens=100"});
  CHECK(none.code == 0);
  CHECK(contains(none.out, "No request was served by both."));
  CHECK(contains(cli({"compare", scenario, "--set", "engine.max_num_seqs=1"}).out, "*"));
}

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
  CHECK(contains(different.err, "options of the load"));
  // Requests of the same lengths that arrive at another rate are another load.
  const CliRun faster = cli({"compare", a, "--set", "trace.rate_scale=2"});
  CHECK(faster.code == 3);
  CHECK(contains(faster.err, "trace.rate_scale is 1.0 in A and 2.0 in B"));
  CHECK(cli({"compare", folder.path.string(), a}).code == 3);
  CHECK(cli({"compare", a}).code == 2);
}

TEST_CASE("compare: a seed is one of the load where something of it is drawn, and an idle option never") {
  Folder folder;
  const std::string recorded = folder.file("recorded.json", R"({"trace": {"limit": 50}})"),
                    drawn = folder.file("drawn.json", R"({"trace": {"users": 4, "duration_s": 60}})");
  CHECK(cli({"compare", recorded, "--set", "seed=2"}).code == 0);
  CHECK(cli({"compare", recorded, "--set", "trace.profile_period_s=100"}).code == 0);
  CHECK(contains(cli({"compare", drawn, "--set", "seed=2"}).err, "cannot be paired: seed is 1 in A and 2 in B"));
  CHECK(contains(cli({"compare", drawn, "--set", "trace.users_start_s=10"}).err, "trace.users_start_s is 300"));
}

TEST_CASE("compare and report: an option that an older result does not have yet stands for its built-in value") {
  Folder folder;
  const std::string scenario = folder.file("s.json", R"({"trace": {"limit": 50}})");
  const std::string old = (folder.path / "old").string(), now = (folder.path / "now").string();
  REQUIRE(cli({"run", scenario, "--out", old}).code == 0);
  REQUIRE(cli({"run", scenario, "--out", now}).code == 0);
  json result = json::parse(text_of(folder.path / "old" / "result.json"));
  for (const char* later : {"copies", "window_start_s", "arrivals"})
    REQUIRE(result["provenance"]["scenario"]["trace"].erase(later) == 1);
  folder.file("old/result.json", result.dump());
  const CliRun same = cli({"compare", old, now, "--format", "json"});
  INFO(same.err);
  REQUIRE(same.code == 0);
  CHECK(same.json()["settings"].empty());
  CHECK_FALSE(contains(cli({"report", old, now, "--format", "md"}).out, "2 loads"));
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

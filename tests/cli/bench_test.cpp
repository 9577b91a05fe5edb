#include "cli/bench_digest.hpp"
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

TEST_CASE("a benchmark tells speed and digest, and what has changed since an earlier one") {
  const std::vector<std::string> words = {"bench", "--scenario", "g1", "--repeat", "1", "--format", "json"};
  const CliRun run = cli(words);
  REQUIRE(run.code == 0);
  const nlohmann::json r = run.json()["scenarios"].at(0);
  CHECK(r["name"] == "g1");
  CHECK(r["requests"] == 12031);  // of the real trace, and of the look-alike that stands in for it
  CHECK(r["stepped"]["same_digest"] == true);
  CHECK(r["stepped"]["ratio"] > 1.0);
  const double wall_s = r["wall_s"]["median"];
  CHECK(r["requests_per_s"].get<double>() == Approx(12031 / wall_s));
  CHECK(r["ns_per_event"].get<double>() * r["events"].get<double>() == Approx(wall_s * 1e9));
  CHECK(r["peak_bytes"].get<double>() > r["load_bytes"].get<double>());

  Folder f;
  const std::string table = cli({"bench", "--scenario", "g1", "--repeat", "1", "--compare", f.file("b.json", run.out)}).out;
  CHECK(contains(table, "x, same"));
  nlohmann::json altered = run.json();
  altered["scenarios"][0]["digest"] = "000000000000";
  altered["scenarios"][0]["wall_s"]["median"] = 1000 * wall_s;
  const CliRun changed = cli({"bench", "--scenario", "g1", "--repeat", "1", "--format", "json", "--compare",
                              f.file("c.json", altered.dump())});
  CHECK(changed.code == 5);
  CHECK(changed.json()["scenarios"][0]["compared"]["digest"] == "differs");
  CHECK(changed.json()["scenarios"][0]["compared"]["speed"] > 50.0);
}

TEST_CASE("what a benchmark cannot take is refused") {
  Folder f;
  const CliRun unknown = cli({"bench", "--scenario", "g11"});
  CHECK(unknown.code == 2);
  CHECK(contains(unknown.err, "did you mean \"g1\"?"));
  CHECK(cli({"bench", "--repeat", "0"}).code == 2);
  CHECK(cli({"bench", "--format", "csv"}).code == 2);
  const CliRun foreign = cli({"bench", "--compare", f.file("x.json", R"({"schema": "other", "scenarios": [{}]})")});
  CHECK(foreign.code == 3);
  CHECK(contains(foreign.err, "kvplan.bench/1"));
  CHECK(contains(foreign.err, "digest"));
}

TEST_CASE("every figure of a result is part of its digest") {
  SimulationResult r;
  r.requests.resize(2);
  r.links.resize(1);
  r.in_system_at_decile = {1, 2};
  const std::string before = digest_of(r);
  CHECK(before.size() == 12);
  const auto differs = [&](auto change) {
    SimulationResult other = r;
    change(other);
    return digest_of(other) != before;
  };
  CHECK(differs([](SimulationResult& o) { o.requests[1].finish = Time(1); }));
  CHECK(differs([](SimulationResult& o) { o.requests[0].hit_g2_tokens = 1; }));
  CHECK(differs([](SimulationResult& o) { o.requests[0].refusal = Refusal::exceeds_memory; }));
  CHECK(differs([](SimulationResult& o) { o.links[0].busy = Time(1); }));
  CHECK(differs([](SimulationResult& o) { o.evicted_g2_blocks = 1; }));
  CHECK(differs([](SimulationResult& o) { o.in_system_at_decile[1] = 3; }));
  CHECK_FALSE(differs([](SimulationResult& o) { o.events = 1; }));
}

// The text of `kvplan metrics` keeps OpenMetrics' order, and the dashboard asks for nothing that it has not got. A real
// Prometheus reads it in tools/test-metrics.
#include <set>

#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

TEST_CASE("metrics are OpenMetrics: families in one piece, series ascending, # EOF at the end", "[metrics]") {
  const Folder folder;
  const std::string out = (folder.path / "run").string();
  cli({"run", "--offload", "dram+ssd", "--set", "offload.dram_bytes=20 GB", "--limit", "300", "--events", "--out",
       out});
  const CliRun run = cli({"metrics", out});
  REQUIRE(run.code == 0);
  CHECK(run.out.ends_with("\n# EOF\n"));
  std::set<std::string> families, series, names;
  std::string family, current;
  std::int64_t before = 0;
  std::istringstream text(run.out);
  for (std::string line; std::getline(text, line) && line != "# EOF";) {
    if (line.starts_with("# TYPE ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      CHECK(families.insert(family).second);
    }
    if (line.starts_with("#")) continue;
    CHECK(line.starts_with(family));
    const std::string of = line.substr(0, line.find('}') + 1);
    const std::int64_t at = std::stoll(line.substr(line.rfind(' ') + 1));
    if (of != current) CHECK(series.insert(of).second);
    if (of == current) CHECK(at == before + 15);
    current = of, before = at;
    names.insert(of.substr(0, of.find('{')));
  }
  CHECK(names.count("vllm:time_to_first_token_seconds_bucket") == 1);
  const nlohmann::json dashboard = cli({"metrics", "--dashboard"}).json();
  for (const auto& panel : dashboard["panels"]) {
    for (const auto& target : panel["targets"]) {
      const std::string query = target["expr"];
      bool known = false;
      for (const std::string& name : names) known = known || contains(query, name);
      INFO(query);
      CHECK(known);
    }
  }
}

TEST_CASE("metrics say what they lack, and refuse what they cannot read", "[metrics]") {
  const Folder folder;
  const std::string out = (folder.path / "run").string();
  cli({"run", "--offload", "dram", "--limit", "50", "--out", out});
  const CliRun run = cli({"metrics", out});
  CHECK(contains(run.err, "without a log of events"));
  CHECK_FALSE(contains(run.out, "kv_offload"));
  CHECK(cli({"metrics", out, "--step", "0"}).code == 2);
  std::ofstream(out + "/result.json") << R"({"schema": "kvplan.result/9"})";
  CHECK(contains(cli({"metrics", out}).err, "kvplan.result/1"));
  CHECK(cli({"metrics", folder.path.string()}).code == 3);
}

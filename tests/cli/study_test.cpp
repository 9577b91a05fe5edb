// kvplan study: the documents of all studies, and what is refused.
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

TEST_CASE("each study prints a table and a document of the same facts") {
  for (const char* name : {"kvpr", "paging", "storage", "unified-memory"}) {
    CAPTURE(name);
    const CliRun table = cli({"study", name});
    const auto document = cli({"study", name, "--format", "json"}).json();
    CHECK(table.code == 0);
    CHECK(table.err.empty());
    CHECK(document.contains("model"));
    CHECK(document.contains("hardware"));
    for (const auto& note : document["notes"]) CHECK(contains(table.out, note.get<std::string>()));
    CHECK(contains(cli({"study", "--help"}).out, name));
    CHECK(contains(cli({"study", name, "--help"}).out, "--model"));
  }
}

TEST_CASE("a study says itself that grouped-query attention reverses KVPR's trade") {
  const CliRun grouped = cli({"study", "kvpr", "--model", "llama-3.1-70b"});
  CHECK(contains(grouped.out, "grouped-query attention reverses the trade"));
  CHECK_FALSE(contains(cli({"study", "kvpr"}).out, "reverses the trade"));
}

TEST_CASE("out of memory is told with bytes and ways out: beyond host memory it is infeasible") {
  const CliRun spilled = cli({"study", "unified-memory"});
  CHECK(contains(spilled.out, "OUT OF MEMORY"));
  CHECK(contains(spilled.out, "way out: fp8 weights"));
  const CliRun too_large = cli({"study", "unified-memory", "--model", "llama-3.1-405b"});
  CHECK(too_large.code == 4);
  CHECK(contains(too_large.err, "GB"));
}

TEST_CASE("wrong words and values are usage errors with a suggestion") {
  CHECK(cli({"study"}).code == 2);
  CHECK(contains(cli({"study", "pagign"}).err, "paging"));
  CHECK(cli({"study", "kvpr", "--link", "sharde"}).code == 2);
  CHECK(cli({"study", "kvpr", "--batch", "0"}).code == 2);
  CHECK(cli({"study", "kvpr", "--model", "deepseek-v3"}).code == 4);
  CHECK(cli({"study", "storage", "--tp", "9"}).code == 2);
}

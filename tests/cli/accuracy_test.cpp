// docs/accuracy.md is what comes out; data that are not at hand are named.
#include "cli/accuracy.hpp"

#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

const std::string kDocument = KVPLAN_SOURCE_DIR "/docs/accuracy.md";

AccuracySection section(const std::string& name, const std::string& body) {
  AccuracySection s;
  s.name = name, s.title = "t", s.body = body, s.gates = 1;
  return s;
}

}  // namespace

TEST_CASE("docs/accuracy.md says what comes out: the slow sections are compared by tools/test") {
  const CliRun run = cli({"validate", "all", "--quick", "--check", kDocument});
  INFO(run.out);
  CHECK(run.code == 0);
  CHECK(contains(run.err, "not compared: servers"));
}

TEST_CASE("whatever of the document differs is told, and what did not run is not") {
  const std::vector<AccuracySection> sections = {section("a", "| 1 |\n"), section("b", "| 2 |\n")};
  const std::string document = accuracy_markdown(sections);
  CHECK(accuracy_differences(sections, document).empty());
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = document;
    text.replace(text.find(from), from.size(), to);
    return accuracy_differences(sections, text);
  };
  CHECK(changed("| 1 |\n", "| 1.5 |\n").size() == 1);
  CHECK(changed("## b: t", "## c: t").size() == 2);  // one is missing, one nobody writes
  CHECK(changed("| 1 of 1 met |", "| 0 of 1 met |").size() == 1);
  CHECK(changed("# What", "# Who").size() == 1);
  CHECK(changed("\n## Not judged", "\n## Judged").size() == 2);
  std::vector<AccuracySection> partly = sections;
  partly[0].absent = "no data";
  CHECK(accuracy_differences(partly, document).empty());
  CHECK(accuracy_differences(partly, accuracy_markdown({sections[1]})).size() == 1);  // but it must be there
  CHECK(contains(accuracy_markdown(partly), "Not run: no data"));
}

TEST_CASE("validate all names every data set that is not at hand") {
  const char* set = std::getenv("KVPLAN_DATA");
  const std::string before = set != nullptr ? set : "";
  ::setenv("KVPLAN_DATA", "/nowhere", 1);
  const CliRun run = cli({"validate", "all", "--format", "json"});
  if (set != nullptr) {
    ::setenv("KVPLAN_DATA", before.c_str(), 1);
  } else {
    ::unsetenv("KVPLAN_DATA");
  }
  std::size_t absent = 0, missed = 0;
  const auto document = run.json();
  for (const auto& s : document["sections"]) {
    missed += s.contains("missed") && !s["missed"].empty();
    if (!s.contains("not_run")) continue;
    ++absent;
    CHECK(contains(s["not_run"], "/nowhere/"));
  }
  CHECK(absent == 2);  // the Mooncake trace and the measured servers
  CHECK(run.code == (missed > 0 ? 5 : 0));
}

// The manual page has all that the help has, as text that roff takes literally; and the progress line's arithmetic.
#include <cstdlib>
#include <set>

#include "cli/run_progress.hpp"
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

TEST_CASE("the manual page tells every verb with its options", "[man]") {
  const Folder folder;
  const std::string page = cli({"man"}).out;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("."))
      CHECK((line.starts_with(".S") || line.starts_with(".T") || line.starts_with(".B") || line.starts_with(".I") ||
             line == ".nf" || line == ".fi"));
  }
  for (const Verb& v : verbs()) CHECK(contains(page, std::string(".TP\n.B ") + v.name + "\n"));
  CHECK(contains(page, "\\-\\-hardware"));
  CHECK(contains(page, "\\-\\-worst"));
  CHECK(contains(page, "\\-\\-capacity\\-tokens"));
  // Where groff is there, it has nothing to say about the page.
  const std::string file = folder.file("kvplan.1", page), said = (folder.path / "said").string();
  if (std::system("command -v groff >/dev/null") != 0) return;
  REQUIRE(std::system(("groff -man -ww -z '" + file + "' 2>'" + said + "'").c_str()) == 0);
  CHECK(text_of(said).empty());
}

TEST_CASE("each part of a verb has a help of its own", "[man]") {
  std::set<std::string> helps;
  for (const Verb& v : verbs()) {
    CHECK(helps.insert(cli({v.name, "--help"}).out).second);
    for (const char* part : v.parts) {
      CAPTURE(v.name, part);
      const auto result = cli({v.name, part, "--help"});
      CHECK(result.code == 0);
      CHECK(helps.insert(result.out).second);
    }
  }
}

TEST_CASE("documents that the help of a verb refers to are there", "[man]") {
  int found = 0;
  for (const Verb& v : verbs()) {
    const std::string help = cli({v.name, "--help"}).out;
    for (std::size_t at = help.find("docs/"); at != std::string::npos; at = help.find("docs/", at + 1)) {
      const std::string file = help.substr(at, help.find(".md", at) + 3 - at);
      CAPTURE(v.name, file);
      CHECK(std::filesystem::exists(KVPLAN_SOURCE_DIR "/" + file));
      ++found;
    }
  }
  CHECK(found > 3);
}

TEST_CASE("progress tells simulated time, pace and what is left", "[progress]") {
  const Time hour(3600 * kPsPerS);
  CHECK(progress_line(hour, hour * 4, 2) == "1 h of 4 h simulated, 1,800 x real time, 6 s left");
  CHECK(progress_line(hour * 5, hour * 4, 2) == "5 h simulated, 9,000 x real time");  // the last requests drain
  std::ostringstream err;
  {
    RunProgress progress(err, true, 0);
    progress.at(hour, hour * 4);
    CHECK(contains(err.str(), "1 h of 4 h simulated"));
  }
  CHECK(err.str().ends_with("\r\033[K"));  // it leaves nothing behind
  std::ostringstream quiet;
  RunProgress(quiet, true, 1e9).at(hour, hour * 4);  // not due yet
  RunProgress(quiet, false, 0).at(hour, hour * 4);   // no terminal
  CHECK(quiet.str().empty());
}

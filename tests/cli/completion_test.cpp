// The script is run in a real bash with the program's own answers in place of the program.
#include <cstdio>
#include <cstdlib>

#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

// What bash offers for `line`, the last word of which is being typed.
// `help` is what kvplan answers; the words it was asked with lie in "asked".
std::string offers(const Folder& folder, const std::string& words, int at, const std::string& help = "") {
  const std::string script = folder.file("completion.sh", cli({"completion", "bash"}).out);
  folder.file("help", help.empty() ? cli({"report", "--help"}).out : help);
  const std::string command = "cd '" + folder.path.string() +
                              "' && bash --norc -c 'kvplan() { echo $* >asked; cat help; }; source ./completion.sh; "
                              "COMP_WORDS=(" +
                              words + "); COMP_CWORD=" + std::to_string(at) +
                              "; _kvplan; echo \"${COMPREPLY[*]}\"' > offered";
  REQUIRE(std::system(command.c_str()) == 0);
  return text_of(folder.path / "offered");
}

}  // namespace

TEST_CASE("bash completes verbs, options, values and names", "[completion]") {
  const Folder folder;
  CHECK(contains(offers(folder, "kvplan re", 1), "report"));
  CHECK(offers(folder, "kvplan report --fo", 2) == "--format\n");
  CHECK(offers(folder, "kvplan run --hardware gh200-9", 3) == "gh200-96\n");
  CHECK(offers(folder, "kvplan run --offload dram+ssd+", 3) == "dram+ssd+remote\n");
}

TEST_CASE("bash completes the parts of a verb, and the options of each", "[completion]") {
  const Folder folder;
  CHECK(offers(folder, "kvplan trace m", 2) == "mrc\n");
  const std::string help = cli({"trace", "mrc", "--help"}).out;
  CHECK(offers(folder, "kvplan trace mrc t.jsonl --cap", 4, help) == "--capacity-tokens\n");
  CHECK(text_of(folder.path / "asked") == "trace mrc --help\n");
  CHECK(contains(offers(folder, "kvplan report --fo", 2), "--format"));
  CHECK(text_of(folder.path / "asked") == "report --help\n");
}

TEST_CASE("completion knows its shells", "[completion]") {
  CHECK(contains(cli({"completion", "zsh"}).out, "bashcompinit"));
  CHECK(cli({"completion", "fish"}).code == 2);
  CHECK(contains(cli({"completion", "bsh"}).err, "did you mean \"bash\""));
}

// The script is run in a real bash with the program's own answers in place of the program.
#include <cstdio>
#include <cstdlib>

#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

// What bash offers for `line`, the last word of which is being typed.
std::string offers(const Folder& folder, const std::string& words, int at) {
  const std::string script = folder.file("completion.sh", cli({"completion", "bash"}).out);
  folder.file("help", cli({"report", "--help"}).out);
  const std::string command = "cd '" + folder.path.string() +
                              "' && bash --norc -c 'kvplan() { cat help; }; source ./completion.sh; COMP_WORDS=(" +
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

TEST_CASE("completion knows its shells", "[completion]") {
  CHECK(contains(cli({"completion", "zsh"}).out, "bashcompinit"));
  CHECK(cli({"completion", "fish"}).code == 2);
  CHECK(contains(cli({"completion", "bsh"}).err, "did you mean \"bash\""));
}

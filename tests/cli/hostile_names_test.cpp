// Names of files, models and hardware come from elsewhere: whatever they hold stays text in everything that is written.
#include <sys/stat.h>

#include "plan/slurm.hpp"
#include "reports/exposition.hpp"
#include "reports/flat.hpp"
#include "reports/markdown_text.hpp"
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

const std::string kRows =
    "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 2, \"hash_ids\": [0, 1]}\n"
    "{\"timestamp\": 9, \"input_length\": 600, \"output_length\": 0, \"hash_ids\": [0, 2]}\n";

bool has_tag(const std::string& text, const std::string& tag) { return contains(text, "<" + tag); }

}  // namespace

TEST_CASE("a trace whose name is a script stays text in a page, in Markdown, CSV and metrics") {
  Folder folder;
  const std::string trace = folder.file("<script>alert(1)<img src=x onerror=alert(2)>.jsonl", kRows);
  const std::string out = (folder.path / "run").string();
  REQUIRE(cli({"run", "--trace", trace, "--check", "--out", out}).code == 0);
  const std::string html = cli({"report", out, "--format", "html"}).out;
  CHECK(contains(html, "&lt;script&gt;alert(1)"));
  CHECK_FALSE(has_tag(html, "script>alert"));
  CHECK_FALSE(has_tag(html, "img src=x"));
  for (const char* verb : {"report", "run"}) {
    const CliRun md = std::string(verb) == "report" ? cli({"report", out, "--format", "md"})
                                                    : cli({"run", "--trace", trace, "--format", "md"});
    CAPTURE(verb, md.out);
    CHECK(contains(md.out, "\\<script>alert(1)\\<img"));
    CHECK(md.out.find("<script") == md.out.find("\\<script") + 1);
  }
  const std::string page = cli({"trace", "stat", trace, "--format", "html"}).out;
  CHECK_FALSE(has_tag(page, "img src=x"));
  CHECK(cli({"metrics", out}).code == 0);
}

TEST_CASE("a trace whose name has line ends and backslashes begins nothing in Markdown") {
  Folder folder;
  const std::string trace = folder.file("x\n# heading\n\\<img src=x> [x\\](javascript:a).jsonl", kRows);
  const std::string out = (folder.path / "run").string();
  REQUIRE(cli({"run", "--trace", trace, "--out", out}).code == 0);
  for (const CliRun& md : {cli({"report", out, "--format", "md"}), cli({"run", "--trace", trace, "--format", "md"})}) {
    CAPTURE(md.out);
    CHECK_FALSE(contains(md.out, "\n# heading"));
    CHECK(contains(md.out, "x # heading \\\\\\<img src=x> [x\\\\\\](javascript:a).jsonl"));
  }
}

TEST_CASE("a hardware whose name has control characters paints nothing of the table") {
  Folder folder;
  const auto base = nlohmann::json::parse(text_of(std::string(KVPLAN_SOURCE_DIR) + "/hardware/devices/x86-h100-sxm.json"));
  nlohmann::json hostile = base;
  hostile["name"] = "red\x1b[31m\xc2\x9b" "1m";
  const std::string trace = folder.file("t.jsonl", kRows), hardware = folder.file("h.json", hostile.dump());
  for (const char* tp : {"1", "8"}) {
    const CliRun run = cli({"run", "--trace", trace, "--hardware", "gh200-96," + hardware, "--tp", tp, "--replications",
                            "2"});
    CAPTURE(run.out, run.err);
    CHECK(contains(run.out + run.err, "red [31m 1m"));
    CHECK_FALSE(contains(run.out + run.err, "\x1b"));
    CHECK_FALSE(contains(run.out + run.err, "\xc2\x9b"));
  }
}

TEST_CASE("a name that is no UTF-8 is read, and written with a replacement character") {
  Folder folder;
  const std::string trace = folder.file("bad\xff.jsonl", kRows);
  const std::string out = (folder.path / "run\xfe").string();
  const CliRun run = cli({"run", "--trace", trace, "--format", "json", "--out", out});
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  CHECK(contains(run.json()["provenance"].dump(), "bad\uFFFD.jsonl"));
  for (const auto& words : std::vector<std::vector<std::string>>{{"trace", "stat", trace, "--format", "json"},
                                                                 {"report", out, "--format", "html"},
                                                                 {"explain", out, "0"},
                                                                 {"run", "--trace", trace, "--print-config"},
                                                                 {"run", "--trace", trace + "x"}}) {
    CAPTURE(words);
    const CliRun each = cli(words);
    CHECK(each.code == (words.back() == trace + "x" ? 3 : 0));
  }
}

TEST_CASE("nothing in a cell of CSV is a formula, and a label, a link and a shell word end where they should") {
  CHECK(csv_field("=cmd|' /C calc'!A0") == "'=cmd|' /C calc'!A0");
  CHECK(csv_field("@SUM(A1,2)") == "\"'@SUM(A1,2)\"");
  CHECK(csv_field("a\"b\nc") == "\"a\"\"b\nc\"");
  CHECK(csv_field(-1.5) == "-1.5");
  CHECK(label("trace", "a\"} 1\nb\\") == "trace=\"a\\\"} 1\\nb\\\\\"");
  CHECK(markdown_text("[a](javascript:b) x < y <b>") == "[a\\](javascript:b) x < y \\<b>");
  CHECK(markdown_cell("a|b\nc") == "a\\|b c");
  // A backslash of the name's own takes no escape away.
  CHECK(markdown_text("a\\<img src=x> [x\\](javascript:b)") == "a\\\\\\<img src=x> [x\\\\\\](javascript:b)");
  CHECK(markdown_text("# a\n# b\x1b[31m") == "\\# a # b [31m");
  CHECK(markdown_cell("-") == "-");
  // Items of a numbered list, and a rule.
  CHECK(markdown_text("1. x.jsonl.gz") == "1\\. x.jsonl.gz");
  CHECK(markdown_text("12) x") == "12\\) x");
  CHECK(markdown_text("1.5 s") == "1\\.5 s");
  CHECK(markdown_text("12") == "12");
  CHECK(markdown_text("___") == "\\___");
  // C1 in UTF-8 begins sequences of a terminal as ESC does; what lies above is text.
  CHECK(one_line("a\xc2\x9b" "31m \xc2\xa0\xc3\x9b") == "a 31m \xc2\xa0\xc3\x9b");
  CHECK(shell_quoted("$(touch x)'; `y` \"\n") == "'$(touch x)'\\''; `y` \"\n'");
}

TEST_CASE("a sweep's points are files named by their digests: no value leaves the folder") {
  Folder folder;
  const std::string trace = folder.file("t.jsonl", kRows);
  const std::string sweep = folder.file(
      "s.json", "{\"name\": \"../../up\", \"base\": {\"trace\": {\"path\": \"" + trace +
                    "\"}}, \"vary\": [{\"grid\": {\"hardware\": [\"x86-h100-sxm\", \"../../../etc/passwd\"]}}]}");
  const std::string out = (folder.path / "out").string();
  cli({"sweep", sweep, "--out", out});
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path)) {
    const std::string name = std::filesystem::relative(entry.path(), folder.path).string();
    CAPTURE(name);
    CHECK((name == "t.jsonl" || name == "s.json" || name.rfind("out", 0) == 0 || name.rfind(".kvplan", 0) == 0));
  }
}

TEST_CASE("a run over an older one leaves no file of both") {
  Folder folder;
  const std::string trace = folder.file("t.jsonl", kRows), out = (folder.path / "out").string();
  REQUIRE(cli({"run", "--trace", trace, "--check", "--out", out}).code == 0);
  CHECK(std::filesystem::exists(out + "/events.jsonl"));
  REQUIRE(cli({"run", "--trace", trace, "--tp", "2", "--out", out}).code == 0);
  CHECK_FALSE(std::filesystem::exists(out + "/events.jsonl"));
}

TEST_CASE("a load that cannot fit in memory says what it would take before it is made") {
  Folder folder;
  const std::string trace = folder.file("t.jsonl", kRows);
  // 2 turns a million times would fit; a sample in tiny blocks a million times, or a million users for months, do not.
  for (const auto& set : std::vector<std::vector<std::string>>{{"trace.copies=1000000", "trace.to_block_tokens=1"},
                                                               {"trace.users=1000000", "trace.duration_s=8000000"}}) {
    std::vector<std::string> words = {"run"};
    for (const std::string& s : set) words.insert(words.end(), {"--set", s});
    const CliRun run = cli(words);
    CAPTURE(words, run.err);
    CHECK(run.code == 4);
    CHECK(contains(run.err, "GB of memory"));
  }
}

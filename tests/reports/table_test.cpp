#include "reports/table.hpp"

#include <algorithm>
#include <sstream>

#include "reports/flat.hpp"
#include "tests/catch.hpp"
#include "tests/reports/sample_run.hpp"

using namespace kvplan;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string line_with(const std::string& text, const std::string& part) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (contains(line, part)) return line;
  }
  return "";
}

std::vector<Column> two_columns() {
  SampleRun slow, fast;
  for (RequestRecord& r : fast.result.requests) r.first_token = r.arrival + Time(kPsPerS / 4);
  return {{"slow none", slow.document(), ""}, {"fast dram", fast.document(), ""}};
}

}  // namespace

TEST_CASE("the verdict comes first") {
  const std::string text = text_table({{"sample none", SampleRun().document(), ""}}, false);
  CHECK(text.rfind("stable: ", 0) == 0);
  CHECK(contains(text, "bottleneck: none"));
  CHECK(contains(line_with(text, "TTFT p50"), "1.00 s"));
  CHECK(contains(line_with(text, "hits in HBM"), "480 (48.0 %)"));
  CHECK(contains(line_with(text, "busiest link"), "node0 gpu0 link, 18.2 % busy"));
  CHECK_FALSE(contains(text, "goodput"));  // no target, no row
  CHECK_FALSE(contains(text, "\033["));
}

TEST_CASE("columns stand side by side with ratios to the first") {
  const std::string text = text_table(two_columns(), false);
  const std::string ttft = line_with(text, "TTFT p50");
  CHECK(contains(ttft, "1.00 s"));
  CHECK(contains(ttft, "250 ms 0.25x"));
  CHECK(contains(text, "Ratios are to the column slow none."));
  CHECK(contains(markdown_table(two_columns()), "| Latency: TTFT p50 | 1.00 s | 250 ms (0.25x) |"));
}

TEST_CASE("a column that does not fit says so, and the first that fits is the base") {
  std::vector<Column> columns = two_columns();
  columns[0].document = nullptr;
  columns[0].infeasible = "weights need 141 GB";
  const std::string text = text_table(columns, false);
  CHECK(contains(text, "slow none: does not fit\n  weights need 141 GB\n"));
  CHECK(contains(text, "Ratios are to the column fast dram."));
  const Json document = comparison_document(columns);
  CHECK(document["base"] == "fast dram");
  CHECK(document["combinations"][0]["result"].is_null());
  CHECK(document["combinations"][0]["infeasible"] == "weights need 141 GB");
  CHECK(document["combinations"][1]["ratios"]["/latency/ttft_s/p50"] == 1.0);
}

TEST_CASE("latencies of a run that is not stable are marked, wherever they are printed") {
  SampleRun run;
  run.result.in_system_at_decile = {0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40};
  for (RequestRecord& r : run.result.requests)
    r.queue += Time(kPsPerS), r.first_token += Time(kPsPerS), r.finish += Time(kPsPerS);
  const std::vector<Column> columns = {{"sample none", run.document(), ""}};
  CHECK(contains(line_with(text_table(columns, false), "TTFT p50"), "2.00 s*"));
  CHECK(contains(text_table(columns, false), "no steady-state values"));
  CHECK(contains(markdown_table(columns), "2.00 s\\* |"));
}

TEST_CASE("a run that served nothing has no asterisk, and no note of one") {
  SampleRun run(0);
  run.refuse(Refusal::exceeds_context);
  const std::vector<Column> columns = {{"sample none", run.document(), ""}};
  CHECK(contains(text_table(columns, false), "all requests were refused"));
  CHECK_FALSE(contains(text_table(columns, false), "no steady-state values"));
}

TEST_CASE("a name in a table ends no line, begins no heading and no tag") {
  SampleRun run;
  run.result.links[1].name = "a\\<img src=x>|b";
  run.notes = {"# heading\n> quote"};
  const std::vector<Column> columns = {{"# x\n## y", run.document(), ""}, {"b", SampleRun().document(), ""}};
  const std::string md = markdown_table(columns), text = text_table(columns, false);
  CHECK(md.starts_with("\\# x ## y: stable"));
  CHECK(contains(md, "a\\\\\\<img src=x>\\|b"));
  CHECK(contains(md, "- # x ## y: # heading > quote") == false);
  CHECK(contains(md, "- \\# x ## y: # heading > quote\n"));
  CHECK(contains(text, "# x ## y: stable"));
}

TEST_CASE("nothing of a name paints a terminal: in the head of the table, in its cells, of what does not fit") {
  SampleRun run;
  run.result.links[1].name = "link\x1b[31m";
  const std::vector<Column> columns = {{"a\x1b[31m", run.document(), ""},
                                       {"b\xc2\x9b", nullptr, "b\x1b[2J needs 141 GB\n  help: take less"}};
  const std::string text = text_table(columns, false);
  CHECK_FALSE(contains(text, "\x1b"));
  CHECK_FALSE(contains(text, "\xc2\x9b"));
  CHECK(contains(text, "Ratios are to the column a [31m."));
  CHECK(contains(text, "  b [2J needs 141 GB\n  help: take less\n"));
}

TEST_CASE("a note that all columns share is told once") {
  SampleRun a, b;
  a.notes = {"shared", "only here"};
  b.notes = {"shared"};
  const std::string text = text_table({{"A", a.document(), ""}, {"B", b.document(), ""}}, false);
  CHECK(contains(text, "- shared\n- A: only here\n"));
}

TEST_CASE("CSV has as many fields in every line") {
  std::vector<Column> columns = two_columns();
  columns.push_back({"third, with a comma", nullptr, "does \"not\" fit"});
  std::istringstream lines(csv_table(columns));
  std::vector<std::string> read;
  for (std::string line; std::getline(lines, line);) read.push_back(line);
  REQUIRE(read.size() == 4);
  const auto commas = [](const std::string& s) { return std::count(s.begin(), s.end(), ','); };
  CHECK(commas(read[0]) > 40);
  CHECK(contains(read[0], ",latency.ttft_s.p50,"));
  CHECK(contains(read[3], "\"third, with a comma\",\"does \"\"not\"\" fit\""));
  CHECK(commas(read[3]) == commas(read[0]) + 1);
}

TEST_CASE("figures are put in units that people read") {
  CHECK(human_seconds(0.0000123) == "12.3 us");
  CHECK(human_seconds(0.345) == "345 ms");
  CHECK(human_seconds(1234.4) == "1,234 s");
  CHECK(human_bytes(131e9) == "131 GB");
  // The next unit begins where a number would round up to a thousand.
  CHECK(human_seconds(0.00099951) == "1 ms");
  CHECK(human_seconds(0.9996) == "1.00 s");
  CHECK(human_seconds(99.996) == "100 s");
  CHECK(human_bytes(999.6e9) == "1 TB");
  CHECK(human_bytes(1234.5e15) == "1,235 PB");
  CHECK(human_count(0.00334) == "0.0033");
  CHECK(human_number(24691.2) == "24,691");
  CHECK(human_number(2.4691) == "2.469");
  CHECK(human_number(1e300) == "1e+300");
  CHECK(counted(1, "request") == "1 request");
  CHECK(counted(12031, "request") == "12,031 requests");
  CHECK(human_count(12031) == "12,031");
  CHECK(human_count(1.25) == "1.25");
  CHECK(human_count(100) == "100");
}

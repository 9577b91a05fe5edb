// What a page says of results that are put together by hand: whom it recommends, what it sets against what, and what
// its charts leave out.
#include <fmt/format.h>

#include <algorithm>

#include "reports/charts.hpp"
#include "reports/sections.hpp"
#include "tests/catch.hpp"
#include "tests/reports/sample_run.hpp"

using namespace kvplan;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A stable result of 200 requests on a load of its own options.
Column result(const std::string& name, double usd, double ttft_s, const Json& options = Json::object()) {
  Json d = SampleRun().document();
  d["requests"] = {{"submitted", 200}, {"completed", 200}, {"refused", 0}, {"unfinished", 0}};
  d["cost"]["usd_per_million_output_tokens"] = usd;
  d["latency"]["ttft_s"]["p95"] = ttft_s;
  Json scenario = {{"trace", {{"rate_scale", 1.0}}}, {"seed", 1}, {"hardware", {"sample-gpu"}}};
  scenario.merge_patch(options);
  d["provenance"].update(
      {{"scenario", scenario},
       {"seed", scenario["seed"]},
       {"trace", {{"name", "chat"}, {"sha256", "0123456789abcdef"}, {"sessions", 1}}},
       {"hardware", {{"name", "sample-gpu"}, {"sources", Json::array()}, {"notes", Json::array()}}}});
  return {name, d, ""};
}

Column refusing(Column c, int refused) {
  c.document["requests"]["refused"] = refused;
  c.document["requests"]["completed"] = 200 - refused;
  return c;
}

Column with_series(Column c, const std::vector<double>& at_s, const std::vector<double>& values) {
  c.document["series"] = {{"at_s", at_s},          {"arrivals_per_s", values}, {"completions_per_s", values},
                          {"queued", values},      {"running", values},        {"gpu_busy_fraction", values},
                          {"links", Json::array()}};
  return c;
}

Column saturated(Column c) {
  c.document["verdict"]["state"] = "saturated";
  return c;
}

ReportInputs inputs(std::vector<Column> columns) { return {std::move(columns), {}, {}, {}}; }

std::vector<std::string> curves_of(const Chart& c) {
  std::vector<std::string> names;
  for (const Json& row : c.spec["data"]["values"]) {
    if (std::find(names.begin(), names.end(), row["of"]) == names.end()) names.push_back(row["of"]);
  }
  return names;
}

}  // namespace

TEST_CASE("whoever refuses requests is not recommended where another serves them, and is on no front") {
  const std::vector<Column> columns = {refusing(result("cheap", 1, 0.1), 25), result("dear", 2, 0.2)};
  const Section verdict = verdict_section(inputs(columns));
  CHECK(verdict.sentences[0].starts_with("Take dear: stable"));
  const auto refused = std::find(verdict.table.header.begin(), verdict.table.header.end(), "Refused");
  REQUIRE(refused != verdict.table.header.end());
  CHECK(verdict.table.rows[0][static_cast<std::size_t>(refused - verdict.table.header.begin())] == "25 of 200");
  const Section pareto = pareto_section(columns, loads_of(columns));
  CHECK(contains(pareto.charts[0].reading, "alike: dear."));
  CHECK(contains(pareto.charts[0].reading, "Of 2 results 1 are not stable or refuse requests"));
  CHECK(pareto.charts[0].table.rows[0][3] == "left out: not stable, or refuses requests");
  CHECK(
      verdict_section(inputs({refusing(result("cheap", 1, 0.1), 25)})).sentences[0].starts_with("cheap is not enough"));
  const Section whole = verdict_section(inputs({result("a", 1, 0.1), result("b", 2, 0.2)}));
  CHECK(std::count(whole.table.header.begin(), whole.table.header.end(), "Refused") == 0);
}

TEST_CASE("results of several loads are ranked within their own, and the page says in what the loads differ") {
  const Json twice = {{"trace", {{"rate_scale", 2.0}}}};
  const std::vector<Column> columns = {result("a", 2, 0.2), result("b", 3, 0.3), result("c", 1, 0.1, twice)};
  const Section s = verdict_section(inputs(columns));
  CHECK(contains(s.sentences[0], "2 loads, which differ in trace.rate_scale"));
  CHECK(s.points[0].starts_with("trace.rate_scale=1.0: Take a:"));
  CHECK(s.points[1].starts_with("trace.rate_scale=2.0: c is enough:"));
  CHECK(s.table.header[1] == "Load");
  CHECK(contains(figures_section(columns, loads_of(columns)).sentences[0], "whatever its load"));
  const Section pareto = pareto_section(columns, loads_of(columns));
  CHECK(contains(pareto.charts[0].reading, "of its load beats these in cost and TTFT p95 alike: a, c."));
  const std::vector<Column> seeds = {result("a", 2, 0.2), result("b", 3, 0.3, {{"seed", 2}})};
  CHECK(loads_of(seeds).differ_in == std::vector<std::string>{"seed"});
  const std::vector<Column> fleets = {result("a", 2, 0.2), result("b", 3, 0.3, {{"tp", 2}})};
  CHECK_FALSE(loads_of(fleets).several());
}

TEST_CASE("a seed that drew nothing of a load, and an option that it does not read, make no other load") {
  const Json others = {{"seed", 2}, {"trace", {{"profile_period_s", 60.0}, {"users_start_s", 1.0}}}};
  std::vector<Column> columns = {result("a", 2, 0.2), result("b", 3, 0.3, others)};
  const auto note = [&](const std::string& what) {
    for (Column& c : columns) c.document["provenance"]["trace"]["notes"] = {{{"what", what}, {"rows", 0}}};
  };
  note("blocks of 512 tokens");
  CHECK_FALSE(loads_of(columns).several());
  note("0.5 of the sessions sampled by hash, seed 1; turns left out");
  CHECK(loads_of(columns).differ_in == std::vector<std::string>{"seed"});
}

TEST_CASE("a line of TTFT against DRAM joins results that differ in DRAM alone, and counts those that serve") {
  std::vector<Column> columns;
  for (const int tp : {1, 2}) {
    for (const double gb : {0.0, 100.0, 200.0}) {
      const Json mode = gb > 0 ? "dram" : "none";
      columns.push_back(result("r", 1, 0.5 - gb / 1000 + tp / 100.0,
                               {{"tp", tp}, {"offload", {{"mode", {mode}}, {"dram_bytes", gb * 1e9}}}}));
      columns.back().document["provenance"]["derived"]["dram_bytes_per_node"] = gb * 1e9;
    }
  }
  columns[2] = refusing(std::move(columns[2]), 100);
  columns[1] = saturated(std::move(columns[1]));
  const Section s = memory_section(columns);
  CHECK(curves_of(s.charts[0]) == std::vector<std::string>{"sample-gpu, tp=1", "sample-gpu, tp=2"});
  CHECK(contains(s.charts[0].reading, "from 320 ms (sample-gpu, tp=2 at 200 GB)"));
  CHECK(contains(s.charts[0].reading, "2 of 6 results are not stable or refuse requests"));
  CHECK(s.charts[0].table.rows.size() == 3);
  CHECK(s.charts[0].table.rows[1][1] == "410 ms*");
}

TEST_CASE("a line joins results of one trace and one hardware file, whatever other files have the same names") {
  std::vector<Column> columns;
  for (const char* file : {"one.json", "two.json"}) {
    for (const char* digest : {"0123456789abcdef", "fedcba9876543210"}) {
      for (const double users : {10, 20}) {
        columns.push_back(result("r", 1, 0.5, {{"hardware", {file}}, {"trace", {{"users", users}}}}));
        columns.back().document["provenance"]["trace"]["sha256"] = digest;
      }
    }
  }
  CHECK(curves_of(users_section(columns).charts.at(0)) ==
        std::vector<std::string>{"sample-gpu (one.json), chat (01234567)", "sample-gpu (one.json), chat (fedcba98)",
                                 "sample-gpu (two.json), chat (01234567)", "sample-gpu (two.json), chat (fedcba98)"});
}

TEST_CASE("results of two traces differ in more than an option, and the trace alone is told by its name") {
  std::vector<Column> columns = {result("a", 1, 0.1), result("b", 1, 0.2, {{"tp", 2}})};
  CHECK(sensitivity_section(columns).table.rows.size() == 1);
  columns[1].document["provenance"]["trace"]["sha256"] = "fedcba9876543210";
  CHECK(sensitivity_section(columns).table.rows.empty());
  columns[0] = result("a", 1, 0.1, {{"tp", 2}});
  const Grid table = sensitivity_section(columns).table;
  REQUIRE(table.rows.size() == 1);
  CHECK(std::vector(table.rows[0].begin(), table.rows[0].begin() + 3) ==
        std::vector<std::string>{"trace", "chat (01234567)", "chat (fedcba98)"});
}

TEST_CASE("a base and a focus without a curve take no place from those that have one") {
  std::vector<Column> columns = {result("base", 1, 1), result("focus", 1, 1)};
  for (int i = 0; i < 9; ++i) columns.push_back(with_series(result(fmt::format("r{}", i), 1, 1), {1, 2}, {0.5, 0.6}));
  const Section s = use_section(columns, columns[1]);
  CHECK(curves_of(s.charts[0]).size() == 8);
  CHECK(contains(s.charts[0].reading, "8 of 9 results are drawn."));
}

TEST_CASE("a chart that cannot draw all results draws the base and the recommended one, and says how many") {
  std::vector<Column> columns;
  for (int i = 0; i < 12; ++i)
    columns.push_back(with_series(result(fmt::format("r{}", i), 12 - i, 1), {1, 2}, {0.5, 0.6}));
  const Section s = use_section(columns, columns.back());
  const std::vector<std::string> drawn = curves_of(s.charts[0]);
  CHECK(drawn.size() == 8);
  CHECK(drawn.front() == "r0");
  CHECK(drawn.back() == "r11");
  CHECK(contains(s.charts[0].reading, "8 of 12 results are drawn."));
  columns.resize(8);
  CHECK_FALSE(contains(use_section(columns, columns.back()).charts[0].reading, "are drawn"));
}

TEST_CASE("readings of samples say so, and a short last interval is no peak") {
  const Section s = load_section(with_series(result("r", 1, 1), {10, 20, 30, 31}, {1, 3, 2, 90}));
  CHECK(s.charts[0].reading == "Arrivals peak at 3 a second, completions at 3, as means of an interval.");
  CHECK(s.charts[0].table.rows.size() == 3);
  CHECK(contains(s.charts[1].reading, "At the 4 instants that were sampled at most 90 requests wait and 90 run (r)."));
  CHECK(contains(load_section(with_series(result("r", 1, 1), {10}, {1})).charts[1].reading,
                 "At the one instant that was sampled at most 1 request wait"));
}

TEST_CASE("of many links the fullest are drawn") {
  Column c = with_series(result("r", 1, 1), {1, 2}, {0.5, 0.6});
  for (int i = 0; i < 20; ++i) {
    c.document["series"]["links"].push_back(
        {{"name", fmt::format("link{}", i)}, {"capacity_bytes_per_s", 100}, {"bytes_per_s", {i, i + 1}}});
  }
  const Section s = use_section({c}, c);
  const std::vector<std::string> drawn = curves_of(s.charts[1]);
  CHECK(drawn.size() == 8);
  CHECK(drawn.front() == "link19");
  CHECK(contains(s.charts[1].reading, "The 8 fullest of 20 links are drawn."));
}

TEST_CASE("latencies of a run that is not stable carry their asterisk on the page, and none where there are none") {
  const std::vector<Column> columns = {saturated(result("slow", 1, 2)), result("fast", 1, 1)};
  const Page page = page_of(inputs(columns));
  const auto section = [&](const char* id) {
    const auto at = std::find_if(page.sections.begin(), page.sections.end(), [&](const auto& s) { return s.id == id; });
    REQUIRE(at != page.sections.end());
    return *at;
  };
  const Section targets = section("targets"), figures = section("figures");
  CHECK(targets.table.rows.at(0).at(4) == "2.00 s*");
  CHECK(targets.table.rows.at(3).at(4) == "1.00 s");
  const auto ttft = std::find_if(figures.table.rows.begin(), figures.table.rows.end(),
                                 [](const auto& row) { return row[0] == "Latency: TTFT p50"; });
  REQUIRE(ttft != figures.table.rows.end());
  CHECK(ttft->at(1).ends_with("*"));
  CHECK_FALSE(contains(ttft->at(2), "*"));
  Column none = saturated(result("none", 1, 1));
  none.document["requests"]["completed"] = 0;
  CHECK_FALSE(is_marked(none));
  CHECK(is_marked(columns[0]));
}

TEST_CASE("intervals over replications and over step times stand beside the quantiles") {
  Column c = result("r", 1, 1);
  c.document["confidence"] = {{"level", 0.9},
                              {"replications", 3},
                              {"latency", {{"ttft_s", {{"p95", {{"value", 0.32}, {"low", 0.3}, {"high", 0.34}}}}}}}};
  c.document["interval"]["figures"]["ttft_p95_s"] = {{"central", 0.3}, {"low", 0.2}, {"high", 0.4}};
  const Section s = targets_section({c});
  CHECK(s.table.rows[0].back() ==
        "p95 320 ms (300 ms to 340 ms), 90 % over 3 replications; p95 300 ms (200 ms to 400 ms), 90 % of step times");
  CHECK(s.table.rows[1].back() == "too few requests, 90 % over 3 replications");
  CHECK(targets_section({result("r", 1, 1)}).table.rows[0].back() == "-");
}

TEST_CASE("few requests leave bands of TTFT empty: a reading names the bands that there are") {
  Column c = result("r", 1, 1);
  const auto band = [](double from, double to) {
    return Json{{"from", from},    {"to", to},      {"requests", 1},    {"frontend_s", 0.1},
                {"queue_s", from}, {"load_s", 0.0}, {"prefill_s", 0.3}, {"recompute_in_prefill_s", 0.0}};
  };
  c.document["distribution"] = {{"ttft_bands", {band(0.25, 0.5), band(0.5, 0.75)}}};
  CHECK(
      parts_section({c}, c).charts[0].reading ==
      "For the slowest requests (p50 to p75) the largest part is queue (500 ms); for the fastest (p25 to p50) prefill, "
      "new (300 ms).");
  c.document["distribution"] = {{"ttft_bands", {band(0.0, 1.0)}}};
  CHECK(parts_section({c}, c).charts[0].reading == "The largest part is prefill, new (300 ms).");
}

TEST_CASE("words that a user types are code, tables are open without scripts, and listings stand as they are") {
  Page page{"t", {}};
  Section s{"x", "X"};
  s.sentences = {"run `a < b` and one ` more"};
  s.listings = {{"vLLM", "serve <m>\n  # next"}};
  s.charts = {{"c", "C", "reading", line_chart("C", {"x", false, ""}, {"y", false, ""}, {{1, 2, "a", ""}}),
               curves_table("x", {{1, 2, "a", ""}}, plain)}};
  page.sections = {s};
  const std::string html = page_html(page), md = page_markdown(page);
  CHECK(contains(html, "run <code>a &lt; b</code> and one ` more"));
  CHECK(contains(html, "serve &lt;m&gt;\n  # next</pre>"));
  CHECK(contains(html, "<details open><summary>Table: C"));
  CHECK(contains(md, "### vLLM\n\n    serve <m>\n      # next\n"));
}

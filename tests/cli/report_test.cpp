// `kvplan report`: what the page says is what the results say, and what it cannot read it names.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "reports/cells.hpp"
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;

namespace {

// The sample trace with and without offload, in a folder.
std::string two_results(const Folder& folder) {
  const std::string out = (folder.path / "hosts").string();
  const CliRun run =
      cli({"run", "--hardware", "x86-h100-sxm", "--offload", "none,dram", "--limit", "200", "--out", out});
  REQUIRE((run.code == 0 || run.code == 5));
  return out;
}

// Each line has as many fields as the first.
void check_columns(const std::string& csv) {
  std::istringstream lines(csv);
  std::ptrdiff_t head = -1;
  for (std::string line; std::getline(lines, line);) {
    bool quoted = false;
    const std::ptrdiff_t commas = std::count_if(line.begin(), line.end(), [&](char c) {
      if (c == '"') quoted = !quoted;
      return c == ',' && !quoted;
    });
    if (head < 0) head = commas;
    CHECK(commas == head);
  }
  CHECK(head > 5);
}

nlohmann::json json_of(const std::filesystem::path& path) { return nlohmann::json::parse(text_of(path)); }

}  // namespace

TEST_CASE("a report is one page without the network, verdict first, figures as in the JSON", "[report]") {
  const Folder folder;
  const std::string hosts = two_results(folder), page = (folder.path / "report.html").string();
  REQUIRE(cli({"report", hosts, "--out", page}).code == 0);
  const std::string html = text_of(page);
  CHECK(contains(html, "default-src 'none'"));
  for (const char* outside : {"src=\"http", "href=\"http", "@import", "url("}) {
    CHECK(html.substr(0, html.find("<script type=\"module\">")).find(outside) == std::string::npos);
  }
  CHECK(html.find("id=\"verdict\"") < html.find("id=\"load\""));
  for (const char* id : {"targets", "parts", "latency", "tiers", "use", "pareto", "sensitivity", "break-even",
                         "figures", "provenance"}) {
    CHECK(contains(html, std::string("<section id=\"") + id + "\""));
  }
  const auto dram = json_of(folder.path / "hosts" / "x86-h100-sxm-dram" / "result.json");
  CHECK(contains(html, dram["verdict"]["state"].get<std::string>()));
  CHECK(contains(html, dram["provenance"]["trace"]["sha256"].get<std::string>()));
  // The one option that differs is told, and nothing else.
  CHECK(contains(cli({"report", hosts, "--format", "md"}).out, "| offload.mode | none | dram |"));
}

TEST_CASE("a report of runs of one load says which differences are more than chance, as compare does", "[report]") {
  const Folder folder;
  const std::string hosts = two_results(folder), md = cli({"report", hosts, "--format", "md"}).out;
  CHECK(contains(md, "# kvplan: x86-h100-sxm none, x86-h100-sxm dram compared on chat.jsonl.gz, llama-3.1-8b\n"));
  const auto told =
      cli({"compare", hosts + "/x86-h100-sxm-none", hosts + "/x86-h100-sxm-dram", "--format", "json"}).json();
  REQUIRE(told["figures"].size() == 9);
  for (const auto& f : told["figures"]) {
    std::string name = f["figure"];  // "ttft_s mean"
    name = name.substr(0, name.find("_s")) + name.substr(name.find(' '));
    std::transform(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(name.find(' ')), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const std::string row = fmt::format("| x86-h100-sxm dram against x86-h100-sxm none | {} | {} | {} |", name,
                                        human_seconds(f["a"].get<double>()), human_seconds(f["b"].get<double>()));
    INFO(row);
    const std::size_t at = md.find(row);
    REQUIRE(at != std::string::npos);
    const std::string line = md.substr(at, md.find('\n', at) - at);
    if (f["significant"].is_boolean())
      CHECK(contains(line, f["significant"].get<bool>() ? "more than chance" : "may be chance"));
  }
  // Another load cannot be paired.
  const std::string other = (folder.path / "other").string();
  cli({"run", "--limit", "100", "--out", other});
  CHECK_FALSE(
      contains(cli({"report", hosts + "/x86-h100-sxm-none", other, "--format", "md"}).out, "more than chance?"));
}

TEST_CASE("results of several rates are no fleets to choose from, and are not paired", "[report]") {
  const Folder folder;
  const std::string once = (folder.path / "once").string(), twice = (folder.path / "twice").string();
  cli({"run", "--limit", "100", "--out", once});
  cli({"run", "--limit", "100", "--set", "trace.rate_scale=2", "--out", twice});
  const std::string md = cli({"report", once, twice, "--format", "md"}).out;
  CHECK(contains(md, "2 loads, which differ in trace.rate_scale"));
  CHECK(contains(md, "- trace.rate_scale=2.0: x86-h100-sxm dram rate_scale=2.0 is enough"));
  CHECK_FALSE(contains(md, "Take "));
  CHECK_FALSE(contains(md, "more than chance?"));
}

TEST_CASE("runs of every load are paired with the first of it, and a report says of how many it left out", "[report]") {
  const Folder folder;
  std::vector<std::string> words = {"report", "--format", "md"};
  for (const char* rate : {"1", "2"}) {
    for (const char* offload : {"none", "dram"}) {
      words.push_back((folder.path / (std::string(offload) + rate)).string());
      cli({"run", "--limit", "50", "--offload", offload, "--rate-scale", rate, "--out", words.back()});
    }
  }
  const std::string md = cli(words).out;
  for (const char* rate : {"1.0", "2.0"}) {
    CHECK(contains(md, fmt::format("| x86-h100-sxm dram rate_scale={0} against x86-h100-sxm none rate_scale={0} | TTFT",
                                   rate)));
  }
  CHECK_FALSE(contains(md, "share a load"));
  for (int i = 0; i < 6; ++i) {
    const std::filesystem::path copy = folder.path / fmt::format("copy{}", i);
    std::filesystem::copy(folder.path / "none1", copy);
    words.push_back(copy.string());
  }
  CHECK(contains(cli(words).out, "the requests of the first 8 are compared, and of 2 more they are not"));
}

TEST_CASE("a report of a sweep says why points have no result", "[report]") {
  const Folder folder;
  const std::string sweep = folder.file(
      "s.json", R"({"base": {"trace": {"limit": 20}}, "vary": [{"grid": {"tp": [1, 3]}}]})");
  const std::string out = (folder.path / "out").string();
  cli({"sweep", sweep, "--out", out});
  const std::string md = cli({"report", out, "--format", "md"}).out;
  CHECK(contains(md, "1 point failed: "));
  CHECK_FALSE(contains(md, "help:"));
}

TEST_CASE("a report of a plan has its answer, what lost, and what it hangs on", "[report]") {
  const Folder folder;
  const std::string request = folder.file("request.json", R"({
    "base": {"trace": {"users": 60, "duration_s": 300}, "model": "llama-3.1-8b"},
    "search": {"grid": {"hardware": ["x86-h100-sxm", "gh200-96"], "replicas_per_node": [1]}},
    "objective": "usd_per_hour", "slo": {"ttft_s": {"p95": 5.0}}})");
  const std::string out = (folder.path / "plan").string();
  REQUIRE(cli({"plan", request, "--out", out}).code == 0);
  const auto plan = json_of(folder.path / "plan" / "plan.json");
  const std::string md = cli({"report", out, "--format", "md"}).out;
  CHECK(contains(md, "# kvplan: capacity plan, " + plan["recommended"]["name"].get<std::string>()));
  CHECK(contains(md, plan["sentence"].get<std::string>()));
  for (const auto& lost : plan["runners_up"]) CHECK(contains(md, lost["why_it_lost"].get<std::string>()));
  for (const auto& row : plan["sensitivity"]) CHECK(contains(md, "| " + row["what"].get<std::string>() + " |"));

  const std::string csv = cli({"report", out, "--format", "csv"}).out;
  CHECK(csv.starts_with("is,name,"));
  CHECK(contains(csv, "\nrecommended," + plan["recommended"]["name"].get<std::string>() + ","));
  for (const auto& lost : plan["runners_up"]) CHECK(contains(csv, "\nrunner-up," + lost["name"].get<std::string>() + ","));
  check_columns(csv);
  CHECK(cli({"report", out, two_results(folder), "--format", "csv"}).code == 2);
}

TEST_CASE("in CSV a value stands below its name, whatever else the other results have", "[report]") {
  const Folder folder;
  const std::string plain = (folder.path / "plain").string(), more = (folder.path / "more").string();
  cli({"run", "--limit", "50", "--out", plain});
  cli({"run", "--limit", "50", "--intervals", "--replications", "1", "--out", more});
  for (const auto& pair : {std::pair{plain, more}, {more, plain}}) {
    const std::string csv = cli({"report", pair.first, pair.second, "--format", "csv"}).out;
    CHECK(contains(csv, "confidence.latency.ttft_s.mean.value"));
    check_columns(csv);
  }
}

TEST_CASE("specifications in the page hold the series of the JSON", "[report]") {
  const Folder folder;
  const std::string out = (folder.path / "one").string();
  cli({"run", "--offload", "dram", "--limit", "200", "--out", out});
  const auto result = json_of(folder.path / "one" / "result.json");
  const std::string html = cli({"report", out}).out;
  const std::string open = "id=\"backlog-spec\">";
  if (!contains(html, open)) {
    CHECK(contains(html, "tables but no charts"));  // built without npm
    return;
  }
  const std::size_t from = html.find(open) + open.size();
  const auto spec = nlohmann::json::parse(html.substr(from, html.find("</script>", from) - from));
  nlohmann::json queued = nlohmann::json::array();
  for (const auto& row : spec["data"]["values"]) {
    if (row["of"] == "queued") queued.push_back(row["y"]);
  }
  CHECK(queued == result["series"]["queued"]);
}

TEST_CASE("a run that is stepped one by one gives the same curves", "[report]") {
  const std::vector<std::string> base = {"run", "--offload", "dram", "--limit", "150", "--format", "json"};
  std::vector<std::string> stepped = base;
  stepped.insert(stepped.end(), {"--set", "engine.step_by_step=true"});
  const auto jumped = cli(base).json(), walked = cli(stepped).json();
  for (const char* block : {"series", "distribution", "break_even"}) CHECK(jumped[block] == walked[block]);
  // What links moved over time adds up to what they moved.
  const auto& at = jumped["series"]["at_s"];
  CHECK(at.size() <= 128);
  for (const auto& link : jumped["series"]["links"]) {
    double bytes = 0, from = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
      bytes += link["bytes_per_s"][i].get<double>() * (at[i].get<double>() - from);
      from = at[i].get<double>();
    }
    for (const auto& whole : jumped["links"]) {
      if (whole["name"] == link["name"]) CHECK(bytes == Approx(whole["bytes"].get<double>()).epsilon(1e-3));
    }
  }
}

TEST_CASE("what a report cannot read is named, all at once", "[report]") {
  const Folder folder;
  const std::string other = folder.file("other.json", R"({"schema": "kvplan.result/9"})");
  const std::string cut = folder.file("cut.json", R"({"schema": "kvplan.result/1", "verdict": {)");
  const std::string part = folder.file("part.json", R"({"schema": "kvplan.result/1", "verdict": {}})");
  const CliRun run = cli({"report", other, cut, part, (folder.path / "absent.json").string()});
  CHECK(run.code == 3);
  CHECK(contains(run.err, "kvplan.result/9"));
  CHECK(contains(run.err, "cut.json:1"));
  CHECK(contains(run.err, "part.json"));
  CHECK(contains(run.err, "absent.json"));
  CHECK(cli({"report"}).code == 2);
  CHECK(contains(cli({"report", other, "--format", "htlm"}).err, "did you mean \"html\""));
}

TEST_CASE("one request, and none that completes, still give a page", "[report]") {
  const Folder folder;
  const std::string one = (folder.path / "one").string(), none = (folder.path / "none").string();
  cli({"run", "--limit", "1", "--out", one});
  CHECK(contains(cli({"report", one, "--format", "md"}).out, "## Latencies and targets"));
  const std::string trace =
      folder.file("t.jsonl", R"({"timestamp": 0, "input_length": 900000, "output_length": 5, "hash_ids": []})"
                             "\n");
  const CliRun run = cli({"run", "--trace", trace, "--out", none});
  INFO(run.err);
  if (std::filesystem::exists(folder.path / "none" / "result.json")) {
    CHECK(contains(cli({"report", none, "--format", "md"}).out, "No request completed"));
    CHECK(contains(cli({"report", one, none, "--format", "md"}).out, "2 loads, which differ in trace"));
  }
}

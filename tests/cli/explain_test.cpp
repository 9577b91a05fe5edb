// Looking into a run: the parts of every request add up to the nanosecond, what loads met each other agrees, and a
// timeline keeps the rules of Chrome's trace format.
#include <map>

#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;
using nlohmann::json;

namespace {

// Little HBM and DRAM, so that there are loads from SSD, evictions and preemptions.
std::string run_with_events(const Folder& folder, std::vector<std::string> more = {}) {
  const std::string out = (folder.path / "run").string();
  std::vector<std::string> arguments = {"run", "--offload", "dram+ssd", "--set", "offload.dram_bytes=20 GB",
                                        "--set", "engine.gpu_memory_utilization=0.5",  "--events", "--out", out};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CliRun run = cli(arguments);
  INFO(run.err);
  REQUIRE((run.code == 0 || run.code == 5));
  return out;
}

std::vector<json> lines_of(const std::string& path) {
  std::istringstream text(text_of(path));
  std::vector<json> all;
  for (std::string line; std::getline(text, line);) all.push_back(json::parse(line));
  return all;
}

// Spans meet each other, and those ahead of the first token add up to TTFT, all of them to E2E.
void check_sums(const json& r) {
  std::int64_t at = 0, ttft = 0;
  for (const json& s : r["spans"]) {
    CHECK(s["from_ns"] == at);
    at += s["for_ns"].get<std::int64_t>();
    if (s["part"] != "decode") ttft = at;
  }
  CHECK(ttft == r["ttft_ns"]);
  CHECK(at == r["e2e_ns"]);
}

void check_every_request(const std::string& folder) {
  const auto rows = lines_of(folder + "/requests.jsonl");
  const CliRun run = cli({"explain", folder, "--worst", "1000000", "--format", "json"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  std::map<int, json> told;
  const json document = run.json();
  for (const json& r : document["requests"]) told[r["turn"]] = r;
  std::size_t completed = 0, loads = 0;
  for (const json& row : rows) {
    if (row["outcome"] != "completed") continue;
    ++completed;
    const json& r = told.at(row["turn"]);
    check_sums(r);
    CHECK(r["ttft_ns"] ==
          (row["first_token_ps"].get<std::int64_t>() - row["arrival_ps"].get<std::int64_t>()) / 1000);
    for (const json& load : r["loads"]) {
      ++loads;
      // It cannot be faster than alone, up to the nanoseconds that rounding takes.
      CHECK(load["ends_ns"].get<std::int64_t>() - load["starts_ns"].get<std::int64_t>() >=
            load["alone_ns"].get<std::int64_t>() - 2);
      for (const json& other : load["beside_loads_of"]) {
        bool mutual = false;
        for (const json& theirs : told.at(other)["loads"]) {
          for (const json& turn : theirs["beside_loads_of"]) mutual = mutual || turn == row["turn"];
        }
        CHECK(mutual);
      }
    }
  }
  CHECK(told.size() == completed);
  if (document["from_events"] == true) CHECK(loads > 100);
}

}  // namespace

TEST_CASE("the parts of every request add up to its TTFT, to the nanosecond", "[explain]") {
  const Folder folder;
  SECTION("loads that block") { check_every_request(run_with_events(folder)); }
  SECTION("loads by layers, two replicas") {
    check_every_request(run_with_events(folder, {"--set", "offload.load=layerwise", "--replicas", "2"}));
  }
  SECTION("prompts whose beginning is computed while the rest loads, hidden host work, drafts; the rules are kept") {
    check_every_request(run_with_events(folder, {"--check", "--set", "offload.load_choice=partial", "--set",
                                                 "engine.overlap=true", "--set", "engine.draft_tokens=2"}));
  }
  SECTION("without a log of events") {
    const std::string out = run_with_events(folder, {"--limit", "300"});
    std::filesystem::remove(out + "/events.jsonl");
    check_every_request(out);
    CHECK(contains(cli({"explain", out, "3"}).err, "run it again with --events"));
  }
  SECTION("without a log, answers computed again are not taken for prefill ahead of the first token") {
    const std::string out = run_with_events(folder, {"--rate-scale", "3", "--set", "engine.gpu_memory_utilization=0.245"});
    std::filesystem::remove(out + "/events.jsonl");
    check_every_request(out);
    int preempted = 0;
    const json told = cli({"explain", out, "--worst", "1000000", "--format", "json"}).json();
    for (const json& r : told["requests"]) {
      for (const json& s : r["spans"]) {
        if (s["part"] == "prefill") CHECK(contains(s["words"], "not cached") == (r["preemptions"] > 0));
      }
      preempted += r["preemptions"] > 0;
    }
    CHECK(preempted > 0);
  }
}

TEST_CASE("explain tells one life, and the worst ones first", "[explain]") {
  const Folder folder;
  const std::string out = run_with_events(folder, {"--limit", "400"});
  const CliRun one = cli({"explain", out, "300"});
  CHECK(contains(one.out, "Request 300 of session"));
  CHECK(contains(one.out, "first token: TTFT"));
  double before = 1e300;
  const json worst = cli({"explain", out, "--worst", "5", "--format", "json"}).json();
  for (const json& r : worst["requests"]) {
    CHECK(r["ttft_ns"].get<double>() <= before);
    before = r["ttft_ns"].get<double>();
  }
  CHECK(contains(cli({"explain", out, "400"}).err, "from 0 to 399"));
  CHECK(cli({"explain", out}).code == 2);
  CHECK(cli({"explain", folder.path.string() + "/absent", "1"}).code == 3);
  // A log of another run, and one that is cut off.
  const std::string log = text_of(out + "/events.jsonl");
  run_with_events(folder, {"--limit", "400", "--set", "frontend.fixed_s=0.004"});
  std::ofstream(out + "/events.jsonl") << log;
  CHECK(contains(cli({"explain", out, "300"}).err, "another life"));
  std::ofstream(out + "/events.jsonl") << log.substr(0, log.size() / 2);
  CHECK(contains(cli({"explain", out, "300"}).err, "cut off"));
  // Nobody's event.
  const std::string nobodys = "{\"e\":\"finish\",\"at\":1,\"replica\":0}\n";
  std::ofstream(out + "/events.jsonl") << std::string(log).insert(log.find("{\"said\""), nobodys);
  CHECK(contains(cli({"explain", out, "300"}).err, "is not a line of such a file"));
}

namespace {

// Slices ascend and do not overlap in a lane; b and e nest for each id; counters ascend; every lane has a name.
void check_trace(const json& trace) {
  std::map<std::pair<int, int>, double> end_of_lane;
  std::map<std::string, std::pair<std::vector<std::string>, double>> open;  // by pid and id: names, last time
  std::map<std::string, double> counters;
  std::map<std::pair<int, int>, bool> named;
  std::map<int, bool> process_named;
  for (const json& e : trace["traceEvents"]) {
    const std::string ph = e["ph"];
    const std::pair<int, int> lane(e["pid"], e["tid"]);
    if (ph == "M") {
      if (e["name"] == "thread_name") named[lane] = true;
      if (e["name"] == "process_name") process_named[lane.first] = true;
      continue;
    }
    CHECK(named[lane]);
    CHECK(process_named[lane.first]);
    const double ts = e["ts"];
    if (ph == "X") {
      CHECK(ts >= end_of_lane[lane] - 1e-6);
      end_of_lane[lane] = ts + e["dur"].get<double>();
    } else if (ph == "C") {
      auto& last = counters[std::to_string(lane.first) + e["name"].get<std::string>()];
      CHECK(ts >= last);
      CHECK(e["args"]["blocks"] >= 0);
      last = ts;
    } else {
      auto& [names, last] = open[std::to_string(lane.first) + "/" + e["id"].get<std::string>()];
      CHECK(ts >= last);
      last = ts;
      if (ph == "b") {
        names.push_back(e["name"]);
      } else {
        REQUIRE(ph == "e");
        REQUIRE(!names.empty());
        CHECK(names.back() == e["name"]);
        names.pop_back();
      }
    }
  }
  for (const auto& [id, state] : open) CHECK(state.first.empty());
}

}  // namespace

TEST_CASE("a timeline keeps the rules of Chrome's trace format", "[timeline]") {
  const Folder folder;
  const std::string out = run_with_events(folder, {"--replicas", "2"});
  const json whole = cli({"timeline", out}).json();
  check_trace(whole);
  // The steps' time in all is what the GPUs were busy.
  double busy_us = 0;
  std::size_t requests = 0;
  for (const json& e : whole["traceEvents"]) {
    if (e["ph"] == "X" && e["tid"] == 1 && e["args"].contains("steps")) busy_us += e["args"]["busy_us"].get<double>();
    requests += e["ph"] == "b" && e["name"] == "request";
  }
  const auto result = json::parse(text_of(out + "/result.json"));
  CHECK(requests == result["requests"]["completed"]);
  const auto& busy = result["series"]["gpu_busy_fraction"];
  const auto& at = result["series"]["at_s"];
  double told_s = 0, from = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    told_s += busy[i].get<double>() * 2 * (at[i].get<double>() - from);
    from = at[i].get<double>();
  }
  CHECK(busy_us / 1e6 == Approx(told_s).epsilon(1e-4));
  // Thinned, it keeps the rules and the sums.
  const std::string drawn = out + "-drawn.json";
  REQUIRE(cli({"run", "--set", "trace.limit=20", "--out", out + "-again", "--timeline", drawn}).code != 3);
  CHECK(json::parse(std::ifstream(drawn)) == cli({"timeline", out + "-again"}).json());
  CHECK(cli({"run", "--timeline", drawn}).code == 2);
  CHECK(cli({"run", "--offload", "none,dram", "--out", out + "-two", "--timeline", drawn}).code == 2);
  const CliRun thinned = cli({"timeline", out, "--most", "2000"});
  check_trace(thinned.json());
  CHECK(thinned.json()["traceEvents"].size() < 2500);
  CHECK(contains(thinned.err, "share a slice"));
  double thin_us = 0;
  const json thin = thinned.json();
  for (const json& e : thin["traceEvents"]) {
    if (e["ph"] == "X" && e["args"].contains("steps")) thin_us += e["args"]["busy_us"].get<double>();
  }
  CHECK(thin_us == Approx(busy_us).epsilon(1e-7));  // a nanosecond a slice is rounded away
  // A window clips.
  const json window = cli({"timeline", out, "--from", "100", "--to", "110"}).json();
  check_trace(window);
  for (const json& e : window["traceEvents"]) {
    if (e["ph"] != "M") CHECK((e["ts"] >= 100e6 && e["ts"] <= 110e6));
  }
  CHECK(cli({"timeline", out, "--from", "5", "--to", "4"}).code == 2);
  const CliRun ahead = cli({"timeline", run_with_events(folder, {"--limit", "800", "--set", "offload.prefetch=true"})});
  REQUIRE(ahead.code == 0);
  CHECK(contains(ahead.out, "\"name\":\"prefetch\""));
}

TEST_CASE("explain tells how often a run loaded or computed again, and what that saved") {
  Folder folder;
  const std::string out = (folder.path / "run").string();
  REQUIRE(cli({"run", "--set", "offload.load_choice=partial", "--set", "engine.gpu_memory_utilization=0.5", "--out", out})
              .code == 0);
  const CliRun run = cli({"explain", out, "--worst", "1", "--format", "json"});
  REQUIRE(run.code == 0);
  const json choice = run.json()["load_choice"];
  CHECK(choice == json::parse(text_of(out + "/result.json"))["kv"]["load_choice"]);
  REQUIRE(choice["partial_requests"] > 0);
  CHECK(contains(cli({"explain", out, "--worst", "1"}).out, "against always computing"));
}

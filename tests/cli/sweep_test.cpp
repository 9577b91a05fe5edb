// The verb sweep as a whole, on the first turns of the sample that ships.
#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"

using namespace kvplan;
namespace fs = std::filesystem;

namespace {

constexpr const char* kSweep = R"({
  "base": { "trace": { "limit": 40 }, "model": "llama-3.1-70b", "offload": { "mode": "dram" } },
  "vary": [ { "list": { "tp": [1, 4], "replicas": [2, 1] } },
            { "random": { "engine.max_num_seqs": { "from": 4, "to": 64 }, "offload.dram_bytes": ["64 GB", "1 TB"] },
              "points": 3 } ] })";

std::string refusal(const Folder& f, const std::string& sweep) {
  const CliRun run = cli({"sweep", f.file("bad.json", sweep), "--out", (f.path / "never").string()});
  CHECK(run.code == 3);
  CHECK_FALSE(fs::exists(f.path / "never"));
  return run.err;
}

// The points of a sweep over tp with that base, as they are listed.
std::string listed(const Folder& f, const nlohmann::json& base) {
  const nlohmann::json sweep = {{"base", base}, {"vary", {{"grid", {{"tp", {1}}}}}}};
  const CliRun run = cli({"sweep", f.file("listed.json", sweep.dump()), "--dry-run"});
  CAPTURE(run.err);
  CHECK(run.code == 0);
  return run.out;
}

// A hardware file that ships, with another title and calibration.
std::string hardware_file(const Folder& f, const std::string& title, const std::string& calibration) {
  const std::string ships = text_of(KVPLAN_SOURCE_DIR "/hardware/devices/x86-h100-sxm.json");
  nlohmann::json json = nlohmann::json::parse(ships, nullptr, true, true);
  json["title"] = title;
  json["calibration"] = calibration;
  return f.file("my.json", json.dump());
}

constexpr const char* kSession = R"({"id": "s", "block_size": 64, "hash_id_scope": "local", "requests": [
  {"t": 0, "type": "n", "in": 130, "out": 70, "hash_ids": [1, 2], "api_time": 2.5, "think_time": 0}]})";

}  // namespace

TEST_CASE("a sweep runs, goes on where it was, and merges to the same bytes from shards") {
  Folder f;
  const std::string sweep = f.file("s.json", kSweep), one = (f.path / "one").string(), two = (f.path / "two").string();
  const CliRun whole = cli({"sweep", sweep, "--out", one, "--jobs", "2"});
  CHECK(whole.code == 0);
  CHECK(contains(whole.err, "6 of 6 points have a record, 3 failed"));
  CHECK(contains(cli({"sweep", sweep, "--out", one}).err, "6 from before"));

  CHECK(cli({"sweep", sweep, "--out", two, "--shard", "1/2"}).code == 0);
  const CliRun half = cli({"sweep", "merge", two});
  CHECK(half.code == 4);
  CHECK(half.out.empty());
  CHECK(contains(half.err, "3 of 6 points are missing"));
  CHECK(contains(cli({"sweep", "merge", two, "--allow-missing"}).out, ",missing,"));
  CHECK(cli({"sweep", sweep, "--out", two, "--shard", "0/2"}).code == 0);
  for (const char* format : {"csv", "json", "jsonl"}) {
    const CliRun a = cli({"sweep", "merge", one, "--format", format}),
                 b = cli({"sweep", "merge", two, "--format", format});
    CHECK(a.code == 0);
    CHECK(a.out == b.out);
    CHECK(contains(a.out, "does not fit"));
    CHECK(contains(a.err, "3 of 6 points failed (0, 1, 2)"));
  }
}

TEST_CASE("a point of a sweep is the run that it would be alone") {
  Folder f;
  const std::string out = (f.path / "out").string();
  const std::string sweep =
      f.file("s.json", R"({"base": {"trace": {"limit": 60}}, "vary": {"grid": {"hardware": ["gh200-96"]}}})");
  REQUIRE(cli({"sweep", sweep, "--out", out}).code == 0);
  nlohmann::json alone = cli({"run", "--limit", "60", "--hardware", "gh200-96", "--format", "json"}).json();
  alone.erase("simulation");
  for (const char* for_charts : {"distribution", "break_even", "series"}) alone.erase(for_charts);
  CHECK(cli({"sweep", "merge", out, "--format", "json"}).json()["points"][0]["result"] == alone);
}

TEST_CASE("a sweep that is wrong fails before it starts, with the place and a suggestion") {
  Folder f;
  CHECK(contains(
      refusal(f, "{\"vary\": {\"grid\": {\n  \"engine.max_num_seq\": [1]}}}"),
      "bad.json:2:3: error: unknown path \"engine.max_num_seq\"\n  help: did you mean \"engine.max_num_seqs\"?"));
  CHECK(contains(refusal(f, R"({"vary": {"grid": {"tp": [1, 65]}}})"),
                 "tp must be an integer from 1 to 64 GPUs, not 65"));
  CHECK(contains(refusal(f, R"({"vary": {"grid": {"hardware": ["gh200-69"]}}})"), "did you mean \"gh200-96\""));
  CHECK(contains(refusal(f, R"({"base": {"model": "lama-3.1-8b"}, "vary": {"grid": {"tp": [1]}}})"), "unknown model"));
  CHECK(contains(refusal(f, R"({"base": {"hardware": ["gh200-96", "x86-h200"]}, "vary": {"grid": {"tp": [1]}}})"),
                 "a point has one hardware, and the base has 2"));
  CHECK(contains(refusal(f, R"({"vary": {"grid": {"trace.path": ["/nowhere/t.jsonl"]}}})"), "/nowhere/t.jsonl"));
  CHECK(contains(refusal(f, R"({"vary": {"grid": {"fleet.also": ["1 gh200-96, 1 gh200-69"]}}})"),
                 "did you mean \"gh200-96\""));
  CHECK(contains(refusal(f, R"({"base": {"fleet": {"also": "1 /nowhere/h.json, 1 gh200-96"}},
                                "vary": {"grid": {"tp": [1]}}})"),
                 "/nowhere/h.json"));
  CHECK(contains(refusal(f, R"({"vary": {"grid": {"step_time.calibration": ["roofline", "/nowhere/c.json"]}}})"),
                 "/nowhere/c.json"));
  CHECK(contains(refusal(f, R"({"base": {}})"), "\"vary\" is missing"));
  CHECK(contains(refusal(f, R"({"tp": 4, "vary": {"grid": {"tp": [1]}}})"), "stand inside of \"base\""));
}

TEST_CASE("the ids of a sweep change with every file that decides the results") {
  Folder f;
  const auto changes = [&](const nlohmann::json& base, const auto& change) {
    const std::string before = listed(f, base);
    CHECK(listed(f, base) == before);
    change();
    return listed(f, base) != before;
  };
  const std::string trace =
      f.file("t.jsonl", R"({"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [1, 2]})" "\n");
  CHECK(changes({{"trace", {{"path", trace}}}}, [&] { f.file("claude_code_sessions.csv", "a table\n"); }));

  const std::string hardware = hardware_file(f, "One", "cal.json"), also = "1 " + hardware + ", 1 x86-h100-pcie";
  CHECK(changes({{"hardware", {hardware}}}, [&] { f.file("cal.json", "{}"); }));
  CHECK(changes({{"fleet", {{"also", also}}}}, [&] { f.file("cal.json", "{ }"); }));
  CHECK(changes({{"fleet", {{"also", also}}}}, [&] { hardware_file(f, "Two", "cal.json"); }));
  const std::string calibration = (f.path / "own.json").string();
  fs::copy_file(KVPLAN_SOURCE_DIR "/hardware/calibrations/h100-sxm5-80gb.json", calibration);
  CHECK(changes({{"fleet", {{"also", "1 x86-h100-sxm step_time.calibration=" + calibration + ",1 gh200-96"}}}},
                [&] { f.file("own.json", text_of(calibration) + "\n"); }));

  fs::create_directory(f.path / "sessions");
  f.file("sessions/a.json", kSession);
  const nlohmann::json folder = {{"trace", {{"path", (f.path / "sessions").string()}}}};
  CHECK(changes(folder, [&] { f.file("sessions/a.json", std::string(kSession) + "\n"); }));
  CHECK(changes(folder, [&] { f.file("sessions/b.json", kSession); }));
  CHECK(changes(folder, [&] { f.file("sessions/claude_code_sessions.csv", "a table\n"); }));
  CHECK(changes(folder, [&] { f.file("sessions/passed-over", ""); }));
  fs::create_directory(f.path / "sessions" / "day");
  CHECK(changes(folder, [&] { f.file("sessions/day/c.json", kSession); }));
  CHECK(changes(folder, [&] { f.file("sessions/day/c.json", std::string(kSession) + "\n"); }));
}

TEST_CASE("a sweep takes a folder of sessions as its trace") {
  Folder f;
  fs::create_directory(f.path / "sessions");
  f.file("sessions/a.json", kSession);
  const nlohmann::json sweep = {{"vary", {{"grid", {{"trace.path", {(f.path / "sessions").string()}}}}}}};
  const std::string out = (f.path / "out").string();
  const CliRun run = cli({"sweep", f.file("s.json", sweep.dump()), "--out", out});
  CAPTURE(run.err);
  CHECK(run.code == 0);
  const nlohmann::json merged = cli({"sweep", "merge", out, "--format", "json"}).json();
  CHECK(merged["points"][0]["result"].is_object());
}

TEST_CASE("nothing fits: 4, a changed sweep needs another folder: 3") {
  Folder f;
  const std::string out = (f.path / "out").string();
  const std::string none =
      f.file("none.json", R"({"base": {"model": "llama-3.1-70b"}, "vary": {"grid": {"tp": [1]}}})");
  CHECK(cli({"sweep", none, "--out", out}).code == 4);
  const CliRun other = cli({"sweep", f.file("other.json", R"({"vary": {"grid": {"tp": [1, 2]}}})"), "--out", out});
  CHECK(other.code == 3);
  CHECK(contains(other.err, "this folder holds another sweep: the base scenario differs"));
}

TEST_CASE("submit prints a script whose words are quoted") {
  Folder f;
  const std::string sweep = f.file("it's.json", kSweep), out = (f.path / "a b").string();
  const CliRun run = cli({"sweep", "submit", sweep, "--shards", "3", "--out", out, "--print"});
  CHECK(run.code == 0);
  CHECK(contains(run.out, "--array=0-2 "));
  CHECK(contains(run.out, "--requeue"));
  CHECK(contains(run.out, "--dependency=afterany:\"$shards\""));
  CHECK(contains(run.out, "mkdir -p '" + out + "/logs'"));
  CHECK_FALSE(fs::exists(out));
  CHECK(cli({"sweep", "submit", sweep, "--engine", "pbs", "--shards", "3", "--out", out}).code == 2);
}

// What is kept on disk never changes a result.
#include "cli/compiled_loads.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "tests/catch.hpp"
#include "tests/cli/run_cli.hpp"
#include "traces/synth.hpp"
#include "traces/workload_file.hpp"

using namespace kvplan;
namespace fs = std::filesystem;

namespace {

// Kept beside the trace, whatever the environment of the test says.
struct NoVariable {
  std::string before;
  NoVariable() {
    if (const char* set = std::getenv("KVPLAN_CACHE")) before = set;
    ::unsetenv("KVPLAN_CACHE");
  }
  ~NoVariable() {
    if (!before.empty()) ::setenv("KVPLAN_CACHE", before.c_str(), 1);
  }
};

std::string trace_in(const Folder& f) {
  SynthOptions o;
  o.requests = 8000;  // its Workload takes more than the megabyte from which on one is kept
  o.sessions_per_s = 50;
  return f.file("t.jsonl", synthesise_mooncake(o));
}

std::vector<fs::path> kept_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& e : fs::directory_iterator(folder, error)) files.push_back(e.path());
  std::sort(files.begin(), files.end());
  return files;
}

// The result without its wall-clock facts.
nlohmann::json result_of(const std::string& trace, std::string* err = nullptr) {
  const CliRun run = cli({"run", "--trace", trace, "--rate-scale", "0.01", "--replicas", "4", "--format", "json"});
  REQUIRE(run.code == 0);
  if (err) *err = run.err;
  nlohmann::json result = run.json();
  result.erase("simulation");
  return result;
}

}  // namespace

TEST_CASE("the second run takes the load from beside the trace, and gives the same result") {
  const NoVariable variable;
  Folder f;
  const std::string trace = trace_in(f);
  const auto first = result_of(trace);
  const std::vector<fs::path> kept = kept_in(f.path / ".kvplan");
  REQUIRE(kept.size() == 1);
  const auto written = fs::last_write_time(kept[0]);
  CHECK(result_of(trace) == first);
  CHECK(kept_in(f.path / ".kvplan") == kept);
  CHECK(fs::last_write_time(kept[0]) > written);  // read, and marked as used

  std::ofstream(trace, std::ios::app) << R"({"timestamp": 0, "input_length": 3, "output_length": 2, "hash_ids": [77777777]})"
                                      << "\n";
  const auto longer = result_of(trace);  // another content is another load
  CHECK(longer["requests"]["submitted"] == first["requests"]["submitted"].get<int>() + 1);
  CHECK(kept_in(f.path / ".kvplan").size() == 2);
}

TEST_CASE("a kept load that is damaged is told, and made again") {
  const NoVariable variable;
  Folder f;
  const std::string trace = trace_in(f);
  const auto first = result_of(trace);
  const fs::path file = kept_in(f.path / ".kvplan").at(0);
  const std::string whole = text_of(file);
  std::string altered = whole;
  altered[altered.size() / 2] ^= 1;
  for (const std::string& damaged : {altered, whole.substr(0, whole.size() / 2), std::string("x")}) {
    std::ofstream(file, std::ios::binary) << damaged;
    std::string err;
    CHECK(result_of(trace, &err) == first);
    CHECK(contains(err, file.string() + " is damaged ("));
    CHECK(text_of(file) == whole);
  }
}

TEST_CASE("a folder that is not to be written stays as it is, and KVPLAN_CACHE names another or none") {
  const NoVariable variable;
  Folder f, other;
  const std::string trace = trace_in(f);
  ::chmod(f.path.c_str(), 0555);
  const auto first = result_of(trace);
  ::chmod(f.path.c_str(), 0755);
  CHECK_FALSE(fs::exists(f.path / ".kvplan"));
  ::setenv("KVPLAN_CACHE", "off", 1);
  CHECK(result_of(trace) == first);
  CHECK_FALSE(fs::exists(f.path / ".kvplan"));
  ::setenv("KVPLAN_CACHE", other.path.c_str(), 1);
  CHECK(result_of(trace) == first);
  CHECK(kept_in(other.path).size() == 1);
  CHECK(result_of(trace) == first);
  CHECK_FALSE(fs::exists(f.path / ".kvplan"));
  ::unsetenv("KVPLAN_CACHE");
}

TEST_CASE("only the loads used last are kept") {
  const NoVariable variable;
  Folder f;
  const std::string trace = trace_in(f);
  std::ostringstream err;
  const auto make = [&] {
    Workload w;
    w.block_tokens = 512;
    w.prompt_blocks.assign(400'000, 0);
    return w;
  };
  for (int i = 0; i < 20; ++i) compiled_load(trace, {{"option", i}}, make, err);
  CHECK(kept_in(f.path / ".kvplan").size() == 16);
  bool made = false;
  const auto made_again = [&] { return made = true, make(); };
  compiled_load(trace, {{"option", 19}}, made_again, err);
  CHECK_FALSE(made);
  compiled_load(trace, {{"option", 0}}, made_again, err);
  CHECK(made);
  CHECK(err.str().empty());
}

// A disk that is full, as a limit on the size of files: the write fails halfway.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "plan/merge.hpp"
#include "plan/run_points.hpp"
#include "tests/catch.hpp"
#include "tests/plan/folder.hpp"

using namespace kvplan;

namespace {

SweepPlan plan_of(int points) {
  SweepPlan plan{{{"name", "test"}}, Json::object(), Json::object(), {}};
  for (int i = 0; i < points; ++i) {
    const Json values = {{"i", i}};
    plan.points.push_back({i, point_id(values, Json::object(), plan.tool), values, "", 1});
  }
  return plan;
}

// Point 5 leaves a large record.
Json record(const SweepPoint& p) {
  return {{"text", std::string(p.index == 5 ? 100'000 : 100, static_cast<char>('a' + p.index))}};
}

const Tick kGoOn = [](const PointCounts&) { return true; };

}  // namespace

TEST_CASE("a full disk stops a sweep with its reason: what was finished stays, and the rest is done later") {
  const SweepPlan plan = plan_of(12);
  Folder f, expected;
  for (const Folder* each : {&f, &expected}) {
    ResultFolder(each->path).prepare();
    agree_on(plan, ResultFolder(each->path));
  }
  run_points(ResultFolder(expected.path), plan.points, 1, record, kGoOn);
  const ResultFolder folder(f.path);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);  // as the program does
    const rlimit limit{20'000, 20'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      run_points(folder, plan.points, 1, record, kGoOn);
    } catch (const InputError& e) {
      ::_exit(std::string(e.what()).find("cannot be written: File too large") == std::string::npos ? 1 : 3);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 3);
  CHECK(merge(folder).missing == std::vector<std::int64_t>{5, 6, 7, 8, 9, 10, 11});
  for (const auto& entry : std::filesystem::directory_iterator(f.path / "points")) {
    CHECK(entry.path().extension() == ".jsonl");  // no half of a file
  }
  const SweepOutcome rest = run_points(folder, plan.points, 1, record, kGoOn);
  CHECK(rest.progress.kept == 5);
  CHECK(rest.progress.done == 7);
  CHECK(merged_json(merge(folder)) == merged_json(merge(ResultFolder(expected.path))));
}

#include "plan/run_points.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "plan/merge.hpp"
#include "tests/catch.hpp"
#include "tests/plan/folder.hpp"

using namespace kvplan;
using namespace std::chrono_literals;

namespace {

// Points 3, 13, 23, ... are infeasible; the others square their index.
SweepPlan plan_of(int points) {
  SweepPlan plan{{{"name", "test"}}, Json::object(), Json::object(), {}};
  for (int i = 0; i < points; ++i) {
    const Json values = {{"i", i}};
    plan.points.push_back(
        {i, point_id(values, Json::object(), plan.tool), values, i % 2 ? "odd" : "even", i % 7 + 1.0});
  }
  return plan;
}

Json square(const SweepPoint& p) {
  if (p.index % 10 == 3) throw InfeasibleError("error: " + std::to_string(p.index) + " does not fit");
  return {{"square", p.index * p.index}};
}

const Tick kGoOn = [](const PointCounts&) { return true; };

SweepOutcome run_all(const ResultFolder& folder, const SweepPlan& plan, int threads,
                     const Evaluate& evaluate = square) {
  folder.prepare();
  agree_on(plan, folder);
  return run_points(folder, work_order(plan.points), threads, evaluate, kGoOn);
}

std::vector<std::string> forms(const ResultFolder& folder) {
  const MergedSweep sweep = merge(folder);
  return {merged_csv(sweep), merged_json(sweep), merged_jsonl(sweep)};
}

std::string refusal(const SweepPlan& plan, const ResultFolder& folder) {
  try {
    agree_on(plan, folder);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

std::size_t leftovers(const Folder& f) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(f.path / "points")) {
    count += entry.path().extension() != ".jsonl";
  }
  return count;
}

}  // namespace

TEST_CASE("the merge is the same for any number of threads and shards") {
  const SweepPlan plan = plan_of(60);
  Folder one, four, sharded;
  const SweepOutcome whole = run_all(ResultFolder(one.path), plan, 1);
  CHECK(whole.progress.done == 54);
  CHECK(whole.progress.failed == 6);
  run_all(ResultFolder(four.path), plan, 4);
  const ResultFolder parts(sharded.path);
  parts.prepare();
  agree_on(plan, parts);
  for (const int shard : {2, 0, 1}) {
    run_points(parts, part_of(work_order(plan.points), {shard, 3, ""}), 2, square, kGoOn);
  }
  CHECK(forms(ResultFolder(one.path)) == forms(ResultFolder(four.path)));
  CHECK(forms(ResultFolder(one.path)) == forms(parts));
  CHECK(leftovers(four) == 0);
  const std::string csv = forms(parts)[0];
  CHECK(csv.find("3," + plan.points[3].id + ",failed,3 does not fit,3,\n") != std::string::npos);
  CHECK(csv.find("5," + plan.points[5].id + ",done,,5,25\n") != std::string::npos);
}

TEST_CASE("finished points are kept: cut, altered and foreign files are done again") {
  const SweepPlan plan = plan_of(5);
  Folder f;
  const ResultFolder folder(f.path);
  run_all(folder, plan, 2);
  const auto file = [&](std::size_t i) { return f.path / "points" / (plan.points[i].id + ".jsonl"); };
  const std::vector<std::string> before = forms(folder);
  const std::string whole = text_of(file(0)), other = text_of(file(1));
  std::ofstream(file(0)) << whole.substr(0, whole.size() - 1);  // cut
  std::string altered = text_of(file(2));
  altered[altered.rfind('4')] = '5';
  std::ofstream(file(2)) << altered;
  std::ofstream(file(4)) << other;  // another point's record
  CHECK(merge(folder).missing == std::vector<std::int64_t>{0, 2, 4});
  std::atomic<int> calls = 0;
  const SweepOutcome again = run_all(folder, plan, 2, [&](const SweepPoint& p) { return ++calls, square(p); });
  CHECK(calls == 3);
  CHECK(again.progress.kept == 2);
  CHECK(forms(folder) == before);
}

TEST_CASE("an error that is not the point's own is told and not recorded") {
  const SweepPlan plan = plan_of(3);
  Folder f;
  const SweepOutcome outcome = run_all(ResultFolder(f.path), plan, 2, [](const SweepPoint& p) {
    if (p.index == 1) throw std::bad_alloc();
    return square(p);
  });
  REQUIRE(outcome.errors.size() == 1);
  CHECK(outcome.errors[0] == "point 1: out of memory; lower --jobs");
  CHECK(merge(ResultFolder(f.path)).missing == std::vector<std::int64_t>{1});
}

TEST_CASE("a stop keeps what is done and begins nothing more") {
  const SweepPlan plan = plan_of(200);
  Folder f;
  const ResultFolder folder(f.path);
  folder.prepare();
  agree_on(plan, folder);
  std::atomic<int> calls = 0;
  const auto slow = [&](const SweepPoint& p) {
    ++calls;
    std::this_thread::sleep_for(20ms);
    return square(p);
  };
  const SweepOutcome outcome =
      run_points(folder, work_order(plan.points), 2, slow, [&](const PointCounts& p) { return p.recorded() < 5; });
  CHECK(outcome.progress.stopping);
  CHECK(calls < 100);
  CHECK(outcome.progress.recorded() == calls);
  CHECK(merge(folder).missing.size() == 200 - static_cast<std::size_t>(calls));
}

TEST_CASE("two processes share a folder: each point is computed once, and a killed one's points are taken over") {
  const SweepPlan plan = plan_of(30);
  Folder f, expected;
  run_all(ResultFolder(expected.path), plan, 1);
  const ResultFolder folder(f.path);
  folder.prepare();
  const auto logged = [&](const SweepPoint& p) {
    std::ofstream(f.path / "calls", std::ios::app) << p.index << '\n' << std::flush;
    std::this_thread::sleep_for(10ms);
    return square(p);
  };
  const pid_t hung = ::fork();
  if (hung == 0) {  // holds one point, and never ends it
    run_all(folder, plan, 1, [](const SweepPoint&) -> Json {
      for (;;) std::this_thread::sleep_for(1s);
    });
    ::_exit(0);
  }
  std::this_thread::sleep_for(300ms);
  const pid_t other = ::fork();
  if (other == 0) {
    run_all(folder, plan, 1, logged);
    ::_exit(0);
  }
  std::jthread killer([&] {
    std::this_thread::sleep_for(600ms);
    ::kill(hung, SIGKILL);
  });
  run_all(folder, plan, 1, logged);
  int status = 0;
  ::waitpid(other, &status, 0);
  CHECK(status == 0);
  ::waitpid(hung, &status, 0);
  CHECK(WIFSIGNALED(status));
  const std::string calls = text_of(f.path / "calls");
  CHECK(std::count(calls.begin(), calls.end(), '\n') == 30);
  CHECK(forms(folder) == forms(ResultFolder(expected.path)));
  CHECK(leftovers(f) == 0);
}

TEST_CASE("what a killed process left behind goes: what a living one holds stays") {
  Folder f;
  const ResultFolder folder(f.path);
  folder.prepare();
  const std::string dead(64, 'a'), alive(64, 'b');
  std::ofstream(f.path / "points" / (dead + ".jsonl.7.tmp")) << "half";
  std::ofstream(f.path / "points" / (dead + ".lock"));
  const auto held = folder.claim(alive);
  CHECK_FALSE(folder.claim(alive));
  std::ofstream(f.path / "points" / (alive + ".jsonl.7.tmp")) << "half";
  folder.prepare();
  CHECK(leftovers(f) == 2);  // the living one's lock and temporary
}

TEST_CASE("a folder that cannot be written stops the sweep with its reason") {
  const SweepPlan plan = plan_of(4);
  Folder f;
  const ResultFolder folder(f.path);
  folder.prepare();
  agree_on(plan, folder);
  const auto vanish = [&](const SweepPoint& p) {
    std::filesystem::remove_all(f.path / "points");
    std::ofstream(f.path / "points") << "in the way";
    return square(p);
  };
  CHECK_THROWS_AS(run_points(folder, work_order(plan.points), 1, vanish, kGoOn), InputError);
}

TEST_CASE("a folder holds one sweep") {
  Folder f;
  const ResultFolder folder(f.path);
  CHECK_THROWS_AS(merge(folder), InputError);
  run_all(folder, plan_of(3), 1);
  CHECK_NOTHROW(agree_on(plan_of(3), folder));
  CHECK(refusal(plan_of(4), folder).find("it has 3 points, and this sweep has 4") != std::string::npos);
  SweepPlan other = plan_of(3);
  other.tool = {{"name", "another"}};
  CHECK(refusal(other, folder).find("it was planned by") != std::string::npos);
}

TEST_CASE("work goes group by group, longest first, each id once") {
  SweepPlan plan = plan_of(6);
  plan.points[4].id = plan.points[0].id;
  std::vector<std::int64_t> order;
  for (const SweepPoint& p : work_order(plan.points)) order.push_back(p.index);
  CHECK(order == std::vector<std::int64_t>{5, 3, 1, 2, 0});
}

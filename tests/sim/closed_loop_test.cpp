// Goal: a follow-up arrives at the latest of three instants: a think time after its parent's end, the end of the side
// branch that it awaits, and its recorded arrival (traces/workload.hpp). Each is the latest once, to the picosecond.
#include "sim/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/sim/small.hpp"

using namespace kvplan;
using namespace kvplan::testing;

namespace {

// A main turn, a side branch that starts 1 ms after it, and a main turn that awaits both.
SimulationResult with_branch(Time think, std::int32_t branch_output, Time not_before = Time(0)) {
  Load load(16);
  const TurnId main = load.turn(ms(0), "ab", 0, 3);
  const TurnId branch = load.turn(ms(1), "x", 4, branch_output, kNone, main);
  const TurnId next = load.turn(think, "abc", 0, 1, main, main);
  Workload w = load.build();
  w.turns[next].arrival.join = branch;
  w.turns[next].arrival.not_before = not_before;
  SimulationResult r = simulate(w, small_machine(100));
  for (const RequestRecord& q : r.requests) CHECK(q.outcome == Outcome::completed);
  CHECK(r.requests[branch].arrival == r.requests[main].finish + ms(1));
  return r;
}

}  // namespace

TEST_CASE("a turn that awaits a side branch arrives when that ends, if that is later than its think time") {
  const SimulationResult r = with_branch(ms(2), 20);
  REQUIRE(r.requests[1].finish > r.requests[0].finish + ms(2));
  CHECK(r.requests[2].arrival == r.requests[1].finish);
}

TEST_CASE("a side branch that ends within the think time delays nothing") {
  const SimulationResult r = with_branch(ms(500), 20);
  REQUIRE(r.requests[1].finish < r.requests[0].finish + ms(500));
  CHECK(r.requests[2].arrival == r.requests[0].finish + ms(500));
}

TEST_CASE("a recorded arrival holds back what branch and think time would let go") {
  const SimulationResult r = with_branch(ms(2), 20, ms(700));
  REQUIRE(r.requests[1].finish < ms(700));
  CHECK(r.requests[2].arrival == ms(700));
}

TEST_CASE("a follow-up recorded before its parent ends here arrives with that end") {
  Load load(16);
  const TurnId first = load.turn(ms(0), "a", 0, 30);
  const TurnId second = load.turn(ms(0), "ab", 0, 1, first, first);
  Workload w = load.build();
  w.turns[second].arrival.not_before = ms(10);
  const SimulationResult late = simulate(w, small_machine(100));
  REQUIRE(late.requests[first].finish > ms(10));
  CHECK(late.requests[second].arrival == late.requests[first].finish);
  w.turns[second].arrival.not_before = ms(1000);
  CHECK(simulate(w, small_machine(100)).requests[second].arrival == ms(1000));
}

TEST_CASE("a branch that is refused holds nobody up") {
  Load load(16);
  const TurnId main = load.turn(ms(0), "ab", 0, 3);
  const TurnId branch = load.turn(ms(1), "xbcdefghijklmnopqrstuvwxyz", 0, 1, kNone, main);  // more than fits in 100 pages
  const TurnId next = load.turn(ms(5), "abc", 0, 1, main, main);
  Workload w = load.build();
  w.turns[next].arrival.join = branch;
  const SimulationResult r = simulate(w, small_machine(100));
  CHECK(r.requests[branch].outcome == Outcome::refused);
  CHECK(r.requests[next].outcome == Outcome::completed);
  CHECK(r.requests[next].arrival == r.requests[main].finish + ms(5));
}

#include "sim/flight.hpp"

#include <rapidcheck.h>

#include "tests/catch.hpp"

using namespace kvplan;

TEST_CASE("steps before an instant are counted as one by one") {
  CHECK(rc::check("the same count", [] {
    const std::int64_t first = *rc::gen::inRange(1, 2000), growth = *rc::gen::inRange(0, 300);
    const std::int64_t steps = *rc::gen::inRange(1, 400);
    const Flight flight(Time(100), first, growth, steps);
    const Time t(*rc::gen::inRange<std::int64_t>(0, flight.end().count + 500));
    std::int64_t before = 0;
    while (before < steps - 1 && flight.end_of(before + 1) < t) ++before;
    RC_ASSERT(flight.ended_before(t) == before);
    Flight cut = flight;
    cut.cut(t);
    RC_ASSERT(cut.steps() == (flight.end() > t ? before + 1 : steps));
  }));
}

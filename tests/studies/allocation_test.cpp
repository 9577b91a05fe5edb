#include "studies/allocation.hpp"

#include <cmath>

#include "tests/catch.hpp"

using namespace kvplan;
using namespace kvplan::allocation;

namespace {

using Kind = Scheme::Kind;

StepTime one_second() {
  StepTime t;
  t.base = PiecewiseLinear({{0, kPsPerS, 0}});
  return t;
}

std::vector<Request> same(std::size_t n, std::int32_t prompt, std::int32_t output) {
  return std::vector<Request>(n, {prompt, output});
}

}  // namespace

TEST_CASE("equal requests: what each scheme runs at once can be counted") {
  // 30 tokens of prompt and 10 of output in a memory of 400 tokens, 100 at most a sequence.
  const auto load = same(400, 30, 10);
  Setting s;
  s.memory_tokens = 400, s.longest = 100;
  CHECK(run(load, {Kind::maximum}, s, one_second()).sequences == Approx(4));
  CHECK(run(load, {Kind::exact}, s, one_second()).sequences == Approx(10));
  // Powers of two: 30 + 16 = 46 tokens.
  CHECK(run(load, {Kind::power}, s, one_second()).sequences == Approx(8));
  // All of a wave are admitted together: 31, 32, ... 40 tokens of its 100 each, while others wait.
  const Outcome o = run(load, {Kind::maximum}, s, one_second());
  CHECK(o.held == Approx(0.345).margin(0.02));
  CHECK(o.external == Approx(0).margin(1e-9));
  CHECK(o.output_tokens_per_s == Approx(4).margin(0.05));
}

TEST_CASE("shares of memory add up, and smaller pages waste less inside") {
  const auto load = draw({161.3, 1.2, 338, 0.9}, 2048, 600, 7);
  Setting s;
  s.memory_tokens = 16'000;
  double internal = -1;
  for (std::int32_t page = 1; page <= 256; page *= 4) {
    const Outcome o = run(load, {Kind::paged, page}, s, one_second());
    CAPTURE(page);
    CHECK(o.held + o.internal + o.external == Approx(1));
    CHECK(o.internal > internal);
    internal = o.internal;
  }
  // Pages of one token waste nothing within but the token that each sequence is about to write.
  CHECK(run(load, {Kind::paged, 1}, s, one_second()).internal < 0.003);
}

TEST_CASE("paging runs more at once than any reservation, a shared prefix still more") {
  auto load = draw({161.3, 1.2, 338, 0.9}, 1536, 600, 7);
  Setting s;
  s.memory_tokens = 16'000, s.shared_prefix = 512;
  const double most = run(load, {Kind::exact}, s, one_second()).sequences,
               paged = run(load, {Kind::paged, 16}, s, one_second()).sequences;
  CHECK(run(load, {Kind::maximum}, s, one_second()).sequences < most);
  CHECK(most < paged);
  CHECK(paged < run(load, {Kind::paged, 16, true}, s, one_second()).sequences);
}

TEST_CASE("every request that fits is served in full, whatever is preempted") {
  const auto load = draw({161.3, 1.2, 338, 0.9}, 2048, 300, 3);
  Setting s;
  s.memory_tokens = 4'000;
  std::int64_t tokens = 0;
  for (const Request& r : load) tokens += r.output;
  StepTime step = one_second();
  for (const Scheme& scheme :
       {Scheme{Kind::maximum}, Scheme{Kind::power}, Scheme{Kind::exact}, Scheme{Kind::paged, 16}}) {
    const Outcome o = run(load, scheme, s, step);
    CAPTURE(scheme.name());
    CHECK(o.refused == 0);
    const double steps = static_cast<double>(tokens) / o.output_tokens_per_s;  // of a second each: a whole number
    CHECK(steps == Approx(std::round(steps)).epsilon(1e-9));
    CHECK((scheme.kind == Kind::paged) == (o.preemptions > 0));
  }
  CHECK(run(same(3, 2000, 100), {Kind::paged, 16}, s, step).refused == 3);
}

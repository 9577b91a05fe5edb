#include "models/step_time.hpp"

#include <rapidcheck.h>

#include "tests/catch.hpp"

using namespace kvplan;

TEST_CASE("a key counts the queries on it, or those that take as long as reading it") {
  StepTime t;
  CHECK(t.pairs(3, 10) == 11 + 12 + 13);
  t.key_queries = 2;
  CHECK(t.pairs(3, 10) == 10 * 3 + 3 + 2 + 2);  // the last key of the chunk has one query
  t.key_queries = 50;
  CHECK(t.pairs(3, 10) == 50 * 13);
  CHECK(rc::check("linear in what is cached; of one prompt, more to compute is never less", [] {
    StepTime any;
    any.key_queries = *rc::gen::inRange(0, 300);
    const std::int64_t chunk = *rc::gen::inRange(1, 500), cached = *rc::gen::inRange(0, 100'000);
    RC_ASSERT(any.pairs(chunk, cached + chunk) - any.pairs(chunk, cached) == any.pairs_growth(chunk));
    RC_ASSERT(any.pairs(chunk + 1, cached) >= any.pairs(chunk, cached + 1));
  }));
}

TEST_CASE("a piecewise linear function takes the last piece that begins at or before x") {
  CHECK(rc::check("as read off its definition", [] {
    std::vector<PiecewiseLinear::Piece> pieces = {{0, *rc::gen::inRange(0, 1000), *rc::gen::inRange(0, 50)}};
    for (int n = *rc::gen::inRange(0, 12); n > 0; --n) {
      const int gap = 1 << *rc::gen::inRange(0, 18);
      pieces.push_back({pieces.back().from + *rc::gen::inRange(1, gap + 1), *rc::gen::inRange(0, 100000),
                        *rc::gen::inRange(0, 50)});
    }
    const PiecewiseLinear f(pieces);
    for (int n = 0; n < 50; ++n) {
      const PiecewiseLinear::Piece& near = pieces[*rc::gen::inRange<std::size_t>(0, pieces.size())];
      const std::int64_t x = std::max<std::int64_t>(0, near.from + *rc::gen::inRange(-600, 600));
      PiecewiseLinear::Piece in = pieces.front();
      for (const auto& p : pieces) {
        if (p.from <= x) in = p;
      }
      RC_ASSERT(f(x) == in.start_ps + in.slope_ps * (x - in.from));
    }
  }));
}

#include "plan/step_draw.hpp"

#include <cmath>

#include "base/random.hpp"
#include "tests/catch.hpp"

using namespace kvplan;

namespace {

// Host work of every step, known to a factor, and a device's work that is known well.
StepTime model(double host, double device) {
  StepTime t;
  const auto base = [&](double tokens) { return 4e9 * host + 1e9 * device * std::max(1.0, tokens / 100); };
  t.base = PiecewiseLinear::through({0, 100, 1000, 8192}, {base(0), base(100), base(1000), base(8192)});
  t.head = PiecewiseLinear::through({0, 64, 4096}, {0, 64e6 * host, 4096e6 * host});
  t.context_ps = std::llround(2000 * device);
  t.pair_ps = std::llround(30 * device);
  t.host_ps = std::llround(4e9 * host);
  t.host_sample_ps = std::llround(1e6 * host);
  return t;
}

StepDraw everywhere(double z) { return {z, z, z, z}; }

}  // namespace

TEST_CASE("step times drawn at the center and at the ends of their interval are those models") {
  const StepTime low = model(0.35, 0.95), central = model(1, 1), high = model(1.3, 1.05);
  const StepTime slowest = central.scaled(3);
  for (const auto& [z, end] : {std::pair{-kNormal90, &low}, {0.0, &central}, {kNormal90, &high}}) {
    const StepTime t = drawn(low, central, high, everywhere(z));
    for (const std::int64_t tokens : {1, 8, 99, 100, 500, 8192, 20'000}) {
      for (const std::int64_t samples : {0, 1, 64, 256}) {
        const BatchFeatures b{tokens, samples, 1000 * samples, tokens * tokens};
        CAPTURE(z, tokens, samples);
        CHECK(static_cast<double>(t(b)) == Approx(static_cast<double>((*end)(b))).epsilon(1e-6));
      }
    }
    CHECK(t.host_ps == end->host_ps);
    CHECK(t.host_sample_ps == end->host_sample_ps);
  }
  CHECK(drawn(low, central, slowest, everywhere(0)).base(77) == central.base(77));
}

TEST_CASE("a model whose ends are factors is drawn as those factors: a draw of one part leaves the others") {
  RandomStream r(4, "draws");
  const StepTime central = model(1, 1), low = central.scaled(1 / 1.2), high = central.scaled(1.2);
  for (int i = 0; i < 50; ++i) {
    const StepDraw draw{r.normal(), r.normal(), r.normal(), r.normal()};
    const StepTime t = drawn(low, central, high, draw);
    const auto factor = [](double z) { return std::pow(1.2, z / kNormal90); };
    for (const std::int64_t x : {1, 70, 4000, 30'000}) {
      CHECK(static_cast<double>(t.base(x)) == Approx(static_cast<double>(central.base(x)) * factor(draw.base)));
      CHECK(static_cast<double>(t.head(x)) == Approx(static_cast<double>(central.head(x)) * factor(draw.head)));
    }
    CHECK(static_cast<double>(t.context_ps) == Approx(2000 * factor(draw.context)).epsilon(1e-3));
    const StepTime head = drawn(low, central, high, {0, draw.head, 0, 0});
    CHECK(head.base(70) == central.base(70));
    CHECK(head.context_ps == central.context_ps);
    CHECK(head.pair_ps == central.pair_ps);
  }
}

TEST_CASE("small batches spread as wide as host work, large ones as little as the device") {
  const StepTime low = model(0.35, 0.95), central = model(1, 1), high = model(1.3, 1.05);
  const auto width = [&](std::int64_t tokens) {
    return static_cast<double>(drawn(low, central, high, everywhere(1)).base(tokens)) /
           static_cast<double>(drawn(low, central, high, everywhere(-1)).base(tokens));
  };
  CHECK(width(8) > 1.6);
  CHECK(width(8192) < 1.15);
}

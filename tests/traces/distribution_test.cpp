// Goal: draws follow the distribution that is told, fits find it again, and the better family is the true one.
#include "traces/distribution.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.hpp"
#include "tests/catch.hpp"
#include "traces/compile.hpp"
#include "traces/fit_synth.hpp"
#include "traces/load.hpp"

using namespace kvplan;

namespace {

std::vector<double> drawn(const Distribution& d, int n = 20'000) {
  RandomStream stream(5, "distribution test");
  std::vector<double> values;
  for (int i = 0; i < n; ++i) values.push_back(d.draw(stream));
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace

TEST_CASE("draws follow their distribution, and maximum likelihood finds it again") {
  for (const char* text : {"log-normal:350,0.6", "log-normal:40,2", "gamma:350,0.7", "gamma:12,1", "gamma:90,2.5"}) {
    CAPTURE(text);
    const Distribution d = parse_distribution(text);
    const std::vector<double> values = drawn(d);
    CHECK(kolmogorov_smirnov(d, values) < 1.95 / std::sqrt(20'000.0));  // exceeded once in a thousand
    const FittedDistribution log_normal = fit_log_normal(values), gamma = fit_gamma(values);
    const bool is_gamma = d.family == Distribution::Family::gamma;
    CHECK((gamma.log_likelihood > log_normal.log_likelihood) == is_gamma);
    const Distribution& fitted = (is_gamma ? gamma : log_normal).distribution;
    CHECK(fitted.centre == Approx(d.centre).epsilon(0.06));
    CHECK(fitted.spread == Approx(d.spread).epsilon(0.03));
  }
}

TEST_CASE("the empirical distribution keeps its quantiles and fills the steps between them") {
  const Distribution d = parse_distribution("empirical:10,0,20,30,40");
  const std::vector<double> values = drawn(d);
  for (const double q : {0.1, 0.25, 0.5, 0.9}) {
    CHECK(values[static_cast<std::size_t>(q * 20'000)] == Approx(40 * q).margin(0.6));
  }
  CHECK(parse_distribution("empirical:7").draw(*std::make_unique<RandomStream>(1, "one")) == 7);
}

TEST_CASE("a mixture of two log-normals is taken apart again") {
  RandomStream stream(9, "mixture");
  std::vector<double> values;
  for (int i = 0; i < 20'000; ++i)
    values.push_back(stream.chance(0.2) ? stream.log_normal(300, 1) : stream.log_normal(8, 0.5));
  const FittedMixture m = fit_mixture(values);
  CHECK(m.low.centre == Approx(8).epsilon(0.05));
  CHECK(m.high.centre == Approx(300).epsilon(0.1));
  CHECK(m.high_share == Approx(0.2).margin(0.02));
  CHECK(m.log_likelihood > std::max(fit_log_normal(values).log_likelihood, fit_gamma(values).log_likelihood));
}

TEST_CASE("distributions that cannot be are refused") {
  for (const char* text : {"", "gamma", "gamma:1", "gamma:0,1", "gamma:1,-1", "gamma:nan,1", "log-normal:1,1e9",
                           "empirical:", "empirical:1,x", "poisson:3,1"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_distribution(text), UsageError);
  }
}

TEST_CASE("settings fitted to a synthetic load give back the distributions that it was made of") {
  SynthOptions o;
  o.sessions = 3000, o.duration_s = 0, o.closed_loop = 1, o.max_context_tokens = 1'000'000'000;
  o.first_as = parse_distribution("gamma:9000,0.8");
  o.output_as = parse_distribution("gamma:300,0.9");
  o.follow_up_as = parse_distribution("log-normal:200,1.2");
  LoadOptions load;
  load.tick = Time(0);
  const Workload w = compile_workload(rows_from_text(synthesise_mooncake(o), "made", load), load);
  const SynthFit fit = fit_synth(w, FitFamily::better);
  CHECK(fit.options.closed_loop == 1);
  CHECK(fit.think_is_mixture);
  CHECK(fit.options.pause_share == Approx(0.15).margin(0.03));
  CHECK(fit.options.output_as->family == Distribution::Family::gamma);
  CHECK(fit.options.output_as->centre == Approx(300).epsilon(0.05));
  CHECK(fit.options.follow_up_as->family == Distribution::Family::log_normal);
  CHECK(fit.options.follow_up_as->centre == Approx(200).epsilon(0.05));
  CHECK(fit.options.follow_up_as->spread == Approx(1.2).epsilon(0.05));
}

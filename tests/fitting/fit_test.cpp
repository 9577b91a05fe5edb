// A law that is known must be found again, and its errors told as they are.
#include "models/operators/evaluate.hpp"
#include "tests/catch.hpp"
#include "tests/fitting/tables.hpp"

using namespace kvplan;

namespace {

Weights weights_of(const OperatorFit& fit) {
  Weights w;
  for (std::size_t i = 0; i < fit.terms.size(); ++i) w.terms[i] = fit.terms[i].value;
  for (const Coefficient& c : fit.coefficients) w.coefficients.push_back(c.value);
  return w;
}

}  // namespace

TEST_CASE("a law without noise is found exactly: launch 5 us, 1.3 times the roofline, nothing to correct") {
  const OperatorFit fit = fitted(law_table(0), 20).fit;
  REQUIRE(fit.terms.size() == 2);
  CHECK(fit.terms[0].value == Approx(5).epsilon(1e-6));
  CHECK(fit.terms[1].value == Approx(1.3).epsilon(1e-6));
  CHECK(fit.overall.p90_error < 1e-6);
}

TEST_CASE("the intervals of a law's weights hold the law, and unmeasured shapes are predicted to less than the noise") {
  const OperatorFit fit = fitted(law_table(0.02)).fit;
  CHECK(fit.terms[0].low <= 5);
  CHECK(fit.terms[0].high >= 5);
  CHECK(fit.terms[1].low <= 1.3);
  CHECK(fit.terms[1].high >= 1.3);
  CHECK(fit.terms[1].high - fit.terms[1].low < 0.1);
  const Weights w = weights_of(fit);
  for (const Shape& s : {Shape{3, 3000, 5000}, Shape{100, 10240, 8192}, Shape{3000, 1500, 20000}}) {
    CHECK(predict_ns(form_of(Operator::gemm), kLawPeaks, w, s) == Approx(law_ns(s[0], s[1], s[2])).epsilon(0.02));
  }
}

TEST_CASE("the told error and interval are those of the noise: a median of 0.67 sigma, 90 % within 1.64 sigma") {
  const double sigma = 0.05;
  const OperatorFit fit = fitted(law_table(sigma)).fit;
  CHECK(fit.overall.median_error == Approx(0.6745 * sigma).epsilon(0.35));
  CHECK(fit.overall.high_factor - 1 == Approx(1.645 * sigma).epsilon(0.35));
  CHECK(1 - fit.overall.low_factor == Approx(1.645 * sigma).epsilon(0.35));
  CHECK(fit.overall.coverage > 0.8);
  CHECK(fit.overall.coverage < 0.97);
}

TEST_CASE("one wild measurement is named and hardly moves the fit") {
  std::string table = law_table(0.01);
  const std::string row = "bfloat16,1024,4096,4096,";
  const std::size_t at = table.find(row) + row.size();
  table.replace(at, table.find('\n', at) - at, fmt::format("{:.9g}", 3.6 * law_ns(1024, 4096, 4096) * 1e-6));
  const FitResult r = fitted(table, 20);
  REQUIRE(r.warnings.size() > 0);
  CHECK(says(r.warnings.back(), "1 outliers"));
  CHECK(says(r.warnings.back(), "m 1024, n 4096, k 4096"));
  CHECK(predict_ns(form_of(Operator::gemm), kLawPeaks, weights_of(r.fit), {1024, 4096, 4096}) ==
        Approx(law_ns(1024, 4096, 4096)).epsilon(0.03));
}

TEST_CASE("the same table and seed give the same fit: held-out rows are each predicted once") {
  const FitResult a = fitted(law_table(0.03), 20), b = fitted(law_table(0.03), 20);
  CHECK(a.held_out.size() == 36 * 13);
  for (std::size_t i = 0; i < a.fit.coefficients.size(); ++i) {
    CHECK(a.fit.coefficients[i].value == b.fit.coefficients[i].value);
    CHECK(a.fit.coefficients[i].low <= a.fit.coefficients[i].value);
    CHECK(a.fit.coefficients[i].value <= a.fit.coefficients[i].high);
  }
}

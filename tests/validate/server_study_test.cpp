// Real servers: what the constants of half of the rows say of the other half.
#include "validate/server_study.hpp"

#include <cstdlib>
#include <filesystem>

#include "base/error.hpp"
#include "tests/catch.hpp"

namespace kvplan {
namespace {

// The path of the measured rows; "" where they are not at hand.
std::string measured_rows() {
  const char* data = std::getenv("KVPLAN_DATA");
  const std::string root = data != nullptr && *data != '\0' ? data : KVPLAN_SOURCE_DIR "/../shared";
  const std::string path = root + "/measurements/h100_serving_ttft_tpot.csv";
  if (std::filesystem::exists(path)) return path;
  const char* ci = std::getenv("CI");
  if (ci != nullptr && *ci != '\0') FAIL(path << " is missing: in CI every test must run");
  WARN("skipped: " << path << " is not at hand; docs/models.md says where it comes from");
  return "";
}

TEST_CASE("judged rows of real servers: all but TTFT under TensorRT-LLM meet the targets, and intervals cover what they say") {
  const std::string path = measured_rows();
  if (path.empty()) return;
  const BenchmarkFile file = benchmark_of(path);
  REQUIRE(file.fit == Fit::every_second);
  const ServerStudy study = study_servers(path, file, Dtype::bf16, 2);
  REQUIRE(study.rows.size() == 267);
  REQUIRE(study.fits.size() == 2);
  const auto judged = [](const ServerComparison& c) { return !c.fitted && !c.frontend_bound; };
  for (const auto& [server, fit] : study.fits) {
    CAPTURE(server);
    const auto own = [&, server = server](const ServerComparison& c) {
      return judged(c) && c.point.row.server() == server;
    };
    CHECK(summarise(study, ServerLatency::ttft, own).rows >= 40);
    // As the benchmark was described beforehand TensorRT-LLM's TTFT misses 12 %: requests wait longer than is explained.
    CHECK(summarise(study, ServerLatency::ttft, own).median_absolute <= (server.rfind("trtllm", 0) == 0 ? 0.26 : 0.12));
    CHECK(summarise(study, ServerLatency::tpot, own).median_absolute <= 0.04);
    CHECK(summarise(study, ServerLatency::e2e, own).median_absolute <= 0.04);
  }
  for (const ServerLatency q : {ServerLatency::ttft, ServerLatency::tpot, ServerLatency::e2e}) {
    const ErrorSummary all = summarise(study, q, judged);
    CHECK(all.coverage >= 0.80);
    CHECK(all.coverage <= (q == ServerLatency::ttft ? 0.985 : 0.97));  // 98 % of TTFT: wider than it says, by the miss above
  }
}

TEST_CASE("overheads ship for the backends that were fitted, and lie in their intervals") {
  for (const char* backend : {"vllm", "trtllm"}) {
    const OverheadFit fit = shipped_overheads(backend, Kernels::roofline);
    CHECK(fit.rows > 0);
    CHECK(fit.low.step_s <= fit.value.step_s);
    CHECK(fit.value.step_s <= fit.high.step_s);
    CHECK(fit.tpot_low < 1);
    CHECK(fit.tpot_high > 1);
  }
  CHECK_THROWS_AS(shipped_overheads("vlm", Kernels::roofline), InputError);
}

}  // namespace
}  // namespace kvplan

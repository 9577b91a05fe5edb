// Host work is found again in servers that have a known one, and refused where rows cannot tell it.
#include "validate/server_calibration.hpp"

#include "base/error.hpp"
#include "tests/catch.hpp"

using namespace kvplan;

namespace {

const Overheads kTruth{1.4, 1.5e-3, 30e-6, 5e-3};

ServerRow row(std::int32_t isl, std::int32_t osl, std::int32_t clients) {
  ServerRow r;
  r.line = isl + clients;
  r.system = "x86-h100-sxm", r.backend = "mine", r.version = "1", r.model = "llama-3.1-8b";
  r.isl = isl, r.osl = osl, r.concurrency = clients, r.tp = 1;
  return r;
}

// Rows that a server with these overheads would give.
std::vector<ServerRow> measured(std::vector<ServerRow> rows, const Overheads& truth = kTruth) {
  const Hardware h = load_hardware("x86-h100-sxm");
  const OperatorModel operators = load_calibration(h.calibration);
  Benchmark b;
  b.kernels = Kernels::calibration;
  std::vector<ServerPoint> points;
  for (const ServerRow& r : rows) points.push_back(server_point(r, h, &operators, load_architecture(r.model), b, Dtype::bf16));
  const std::vector<ServerFigures> f = predict(points, b, truth, 2);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].ttft_s = f[i].ttft_s, rows[i].tpot_s = f[i].tpot_s;
  return rows;
}

std::vector<ServerRow> several() {
  std::vector<ServerRow> rows;
  for (const std::int32_t isl : {256, 512, 1024, 2048}) {
    for (const std::int32_t clients : {1, 4, 16, 64}) rows.push_back(row(isl, 64, clients));
  }
  return rows;
}

ServerCalibration calibrated(const std::vector<ServerRow>& rows) {
  const Hardware h = load_hardware("x86-h100-sxm");
  return calibrate_server(rows, "rows.csv", h, load_calibration(h.calibration), Benchmark{}, Dtype::bf16, 2);
}

std::string refusal(const std::vector<ServerRow>& rows) {
  try {
    calibrated(rows);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

bool says(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("known host work is about found again, held-out lengths are predicted, and a run takes it from the file") {
  const ServerCalibration s = calibrated(measured(several()));
  const HostFit& host = s.calibration.host;
  CHECK(host.fitted);
  // Constants trade off against each other where predictions are within a fraction of a per cent already.
  CHECK(host.step_s.value == Approx(kTruth.step_s).epsilon(0.15));
  CHECK(host.sequence_s.value == Approx(kTruth.sequence_s).epsilon(0.3));
  CHECK(host.request_s.value == Approx(kTruth.request_s).epsilon(0.2));
  CHECK(host.step_s.low <= host.step_s.value);
  CHECK(host.step_s.value <= host.step_s.high);
  const auto all = [](const ServerComparison&) { return true; };
  CHECK(summarise(s.held_out, ServerLatency::tpot, all).rows == 8);
  CHECK(summarise(s.held_out, ServerLatency::tpot, all).p90_absolute < 0.01);
  const Calibration again = parse_calibration(to_json(s.calibration), "mine.json");
  CHECK(again.host.request_s.value == Approx(host.request_s.value).epsilon(1e-6));
  CHECK(says(again.host.source, "the half not fitted is off by"));
}

TEST_CASE("rows of two servers or another GPU, too few, none to judge, and constants that cannot be told apart are refused") {
  std::vector<ServerRow> rows = measured(several());
  std::vector<ServerRow> two = rows, other = rows, one_length(rows.begin(), rows.begin() + 4);
  two[3].version = "2";
  CHECK(says(refusal(two), "rows of 2 servers"));
  other[2].system = "h200_sxm";
  CHECK(says(refusal(other), "a row of h200_sxm, but the hardware is x86-h100-sxm"));
  CHECK(says(refusal(one_length), "its error would not be known"));
  CHECK(says(refusal({rows.begin(), rows.begin() + 8}), "too few to fit"));
  std::vector<ServerRow> alone;
  for (std::int32_t isl = 100; isl <= 2000; isl += 100) alone.push_back(row(isl, 64, 1));
  CHECK(says(refusal(measured(alone)), "step_s against sequence_s"));
}

TEST_CASE("a row more than twice off the held-out prediction is named") {
  std::vector<ServerRow> rows = measured(several());
  rows[5].tpot_s *= 3;  // of a combination that is judged
  const ServerCalibration s = calibrated(rows);
  REQUIRE(!s.warnings.empty());
  CHECK(says(s.warnings.front(), "outlier, line 516"));
  CHECK(s.calibration.host.step_s.value == Approx(kTruth.step_s).epsilon(0.15));
}

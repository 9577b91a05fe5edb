// Runs of the GPU harness as calibrations: what is fitted, what is refused, and what the emulated run gives end to end.
#include "hardware/hardware.hpp"
#include "models/fitting/calibrate.hpp"
#include "models/fitting/gpu_run_figures.hpp"
#include "models/operators/step_model.hpp"
#include "tests/catch.hpp"
#include "tests/fitting/tables.hpp"
#include "validate/gpu_run/read.hpp"

using namespace kvplan;

namespace {

const std::string kEmulated = std::string(KVPLAN_SOURCE_DIR) + "/tests/gpu/emulated-run.json.gz";

RunPoint point(const char* experiment, RunValues params, double ns) {
  RunPoint p;
  p.experiment = experiment;
  p.params = std::move(params);
  p.samples_ns = {ns, ns, ns};
  return p;
}

GpuRun run_of(std::vector<RunPoint> points) {
  GpuRun run;
  run.id = "a run";
  run.gpu["name"] = std::string("NVIDIA H100 80GB HBM3");
  run.points = std::move(points);
  return run;
}

OperatorTables read(const GpuRun& run, bool synthetic = false) {
  const ScratchTable file(to_json_text(run), "run.json");
  return read_operator_tables({file.path()}, synthetic);
}

// Launch 4 us, and half the data sheet's rates.
RunPoint decode_point(std::int64_t batch, std::int64_t context, double factor = 1) {
  const double bytes = 4.0 * static_cast<double>(batch * context) * 8 * 128;
  return point("X9", {{"batch", batch}, {"kv_tokens", context}, {"heads", std::int64_t{32}}, {"kv_heads", std::int64_t{8}},
                      {"head_dim", std::int64_t{128}}, {"page_tokens", std::int64_t{16}}, {"layout", std::string("NHD")}},
               factor * (4000 + 2 * bytes / 3.35e12 * 1e9));
}

Calibration calibrated(const OperatorTables& tables, const char* base = nullptr) {
  CalibrateOptions o;
  o.name = "mine";
  if (base != nullptr) o.base = load_calibration(base).calibration();
  return calibrate(tables, load_hardware("x86-h100-sxm"), o);
}

}  // namespace

TEST_CASE("of layouts and tiles at one shape the fastest counts: points that are not ok are counted by reason") {
  RunPoint waived;
  waived.experiment = "X9", waived.status = PointStatus::waived, waived.reason = "time budget";
  const OperatorTables t = read(run_of({decode_point(1, 2048, 1.5), decode_point(1, 2048), waived}));
  REQUIRE(t.sets.size() == 1);
  REQUIRE(t.sets[0].rows.size() == 1);
  CHECK(t.sets[0].rows[0].ns == Approx(4000 + 2 * 4.0 * 2048 * 8 * 128 / 3.35e3).epsilon(1e-6));
  CHECK(t.device == "h100");
  CHECK(t.left_out.at("X9: waived (time budget)") == 1);
}

TEST_CASE("few sizes of one configuration of heads: launch and rate are found, each size judged by the others") {
  const OperatorTables t = read(run_of({decode_point(1, 2048), decode_point(1, 8192), decode_point(16, 2048),
                                        decode_point(16, 8192), decode_point(4, 32768)}));
  const Calibration c = calibrated(t);
  REQUIRE(c.fits.size() == 1);
  const OperatorFit& f = c.fits[0];
  CHECK(f.coefficients.empty());
  CHECK(f.folds == 5);
  CHECK(f.terms[0].value == Approx(4).epsilon(1e-3));
  CHECK(f.terms[1].value == Approx(2).epsilon(1e-3));
  CHECK(f.overall.p90_error < 1e-3);
  REQUIRE(!c.warnings.empty());
  CHECK(says(c.warnings.back(), "1 configuration of heads, and others are not validated"));
  const OperatorModel model(std::make_shared<const Calibration>(parse_calibration(to_json(c), "mine.json")));
  CHECK(model.decode_attention({8, 4096, 32, 8, 128}, Dtype::bf16).ns ==
        Approx(4000 + 2 * 4.0 * 8 * 4096 * 8 * 128 / 3.35e3).epsilon(1e-3));
  CHECK(!model.decode_attention({8, 4096, 64, 8, 128}, Dtype::bf16).inside);
}

TEST_CASE("what cannot be judged is refused: three sizes of attention, two matrices of a GEMM") {
  const auto gemm = [](std::int64_t m, std::int64_t n) {
    return point("X7", {{"dtype", std::string("bfloat16")}, {"m", m}, {"n", n}, {"k", std::int64_t{4096}}},
                 law_ns(static_cast<double>(m), static_cast<double>(n), 4096));
  };
  const auto three = read(run_of({decode_point(1, 2048), decode_point(1, 8192), decode_point(16, 2048)}));
  CHECK(says(refusal([&] { calibrated(three); }), "3 rows of 3 different shapes"));
  const auto two = read(run_of({gemm(1, 4096), gemm(64, 4096), gemm(1, 6144), gemm(1024, 6144), gemm(4096, 6144)}));
  CHECK(says(refusal([&] { calibrated(two); }), "2 different shapes"));
  CHECK_THROWS_AS(calibrated(read(run_of({}))), InputError);
}

TEST_CASE("the emulated run, told to be synthetic, goes through the fit: without that word it is refused") {
  CHECK(says(refusal([] { read_operator_tables({kEmulated}); }), "made by a formula"));
  const Calibration c = calibrated(read_operator_tables({kEmulated}, true), "h100-sxm5-80gb");
  CHECK(c.synthetic);
  CHECK(c.find(Operator::all_reduce, Dtype::bf16) != nullptr);  // of the base
  CHECK(c.find(Operator::gemm, Dtype::fp8)->rows == 20);
  CHECK(c.host.elementwise_efficiency.value == Approx(0.81).epsilon(0.1));
  REQUIRE(c.checks.size() == 9);
  for (const StackCheck& s : c.checks) CHECK(s.predicted_ns == Approx(s.measured_ns).epsilon(0.25));
  // The longest prefix that was measured counts for prefill attention on a cached prefix.
  const OperatorModel model(std::make_shared<const Calibration>(c));
  CHECK(model.longest_prefix(Dtype::bf16) == 4096);
  CHECK(!says(unvalidated_operators(c), "cached prefix"));
}

TEST_CASE("links: the rate and the cost of a segment come back from the emulated copies, nvbandwidth gives rates alone") {
  std::map<std::string, MeasuredFigure> found;
  for (const MeasuredFigure& f : figures_of(read_gpu_run(kEmulated))) found[f.key] = f;
  CHECK(found.at("to_device_bytes_per_s").value == Approx(52e9).epsilon(0.01));
  CHECK(found.at("to_device_segment_s").value == Approx(1.9e-6).epsilon(0.05));
  CHECK(found.at("copy_slowdown_to_device").value == Approx(std::sqrt(3716226.58 / 2181317.57 * 13836659.43 / 13071660.04)));
  // A kernel of 12 blocks beside decode, over the DMA copy beside it; prefill was left out for want of time.
  CHECK(found.at("kernel_copy_slowdown_to_device").value == Approx(6326414.585 / 3716226.578));
  CHECK(found.count("kernel_copy_slowdown_from_device") == 0);
  CHECK(found.count("compute_slowdown_to_device") == 0);  // left out there, too
  CHECK(found.count("control_wait_pieces_to_device") == 0);
  const auto test = [](const char* name, const char* cell) {
    return fmt::format(R"({{"name": "{}", "status": "Passed", "bandwidth_matrix": [["{}"]]}})", name, cell);
  };
  const std::string json = fmt::format(R"({{"nvbandwidth": {{"testcases": [{}, {}, {}, {}]}}}})",
                                       test("host_to_device_memcpy_ce", "55.4"), test("device_to_host_memcpy_ce", "55.1"),
                                       test("host_to_device_bidirectional_memcpy_ce", "41"),
                                       test("device_to_host_bidirectional_memcpy_ce", "42.4"));
  std::map<std::string, double> rates;
  for (const MeasuredFigure& f : figures_of(parse_nvbandwidth(json, "nv.json"))) rates[f.key] = f.value;
  CHECK(rates == std::map<std::string, double>{{"to_device_bytes_per_s", 55.4e9}, {"from_device_bytes_per_s", 55.1e9},
                                               {"duplex_bytes_per_s", 83.4e9}});
}

TEST_CASE("copies beside kernels, and small copies behind the pieces of large ones") {
  const auto behind = [](std::int64_t chunk, double ns) {
    return point("X4",
                 {{"control_dir", std::string("h2d")}, {"control_bytes", std::int64_t{65536}}, {"chunk_bytes", chunk}},
                 ns);
  };
  const auto beside = [](const char* dir, const char* aggressor, double ns) {
    return point("X5", {{"victim", std::string(dir)}, {"aggressor", std::string(aggressor)}}, ns);
  };
  GpuRun run = run_of({behind(0, 5000), behind(1 << 20, 5000 + 1.5 * (3400 + 20000)),
                       behind(4 << 20, 5000 + 2 * (3400 + 80000)), beside("h2d dma", "none", 1e6),
                       beside("h2d dma", "decode", 1.08e6), beside("h2d dma", "prefill", 1.02e6)});
  const double bytes_per_ns = static_cast<double>(1 << 20) / 20000;
  for (const std::int64_t segment : {1 << 15, 1 << 20, 1 << 24}) {
    run.points.push_back(point("X2",
                               {{"dir", std::string("h2d")},
                                {"method", std::string("dma")},
                                {"segment_bytes", segment},
                                {"segments", std::int64_t{1}}},
                               3400 + static_cast<double>(segment) / bytes_per_ns));
  }
  std::map<std::string, MeasuredFigure> found;
  for (const MeasuredFigure& f : figures_of(run)) found[f.key] = f;
  CHECK(found.at("compute_slowdown_to_device").value == Approx(std::sqrt(1.08 * 1.02)).epsilon(1e-3));
  CHECK(found.count("compute_slowdown_from_device") == 0);
  CHECK(found.at("control_wait_pieces_to_device").value == Approx(1.5).epsilon(0.01));
  CHECK(found.at("control_wait_pieces_to_device").high == Approx(2).epsilon(0.01));
  CHECK(says(found.at("control_wait_pieces_from_device").note, "taken for this direction too"));
}

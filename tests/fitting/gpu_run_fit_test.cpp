// Runs of the GPU harness as calibrations: what is fitted, what is refused, and what the emulated run gives end to end.
#include "hardware/hardware.hpp"
#include "models/fitting/calibrate.hpp"
#include "models/fitting/gpu_run_figures.hpp"
#include "models/fitting/gpu_run_surfaces.hpp"
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
  return read_operator_tables({file.path()}, {synthetic, false});
}

// Launch 4 us, and half the data sheet's rates.
RunPoint decode_point(std::int64_t batch, std::int64_t context, double factor = 1, const char* layout = "NHD") {
  const double bytes = 4.0 * static_cast<double>(batch * context) * 8 * 128;
  return point("X9",
               {{"batch", batch}, {"kv_tokens", context}, {"heads", std::int64_t{32}}, {"kv_heads", std::int64_t{8}},
                {"head_dim", std::int64_t{128}}, {"page_tokens", std::int64_t{16}}, {"layout", std::string(layout)}},
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
  const OperatorTables t = read(run_of({decode_point(1, 2048, 1.5, "HND"), decode_point(1, 2048), waived}));
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
  const Calibration c = calibrated(read_operator_tables({kEmulated}, {true, false}), "h100-sxm5-80gb");
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
  // Copies have an engine of their own there, and copies by kernel none.
  CHECK(found.at("copy_slowdown_to_device").value == Approx(1));
  CHECK(found.at("compute_slowdown_from_device").value == Approx(1));
  CHECK(found.at("kernel_copy_slowdown_to_device").value ==
        Approx(std::sqrt(6667241.57 / 2181317.57 * 36996589.66 / 13071660.04)));
  CHECK(found.count("kernel_copy_slowdown_from_device") == 0);  // not measured
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

namespace {

// A copy of many segments: `fixed_ns` each, and 52 bytes a nanosecond.
RunPoint segments(const char* method, const char* dir, std::int64_t bytes, std::int64_t count, double fixed_ns,
                  bool latched = false) {
  const double each = fixed_ns + static_cast<double>(bytes) / 52;
  return point("X2", {{"dir", std::string(dir)}, {"method", std::string(method)}, {"segment_bytes", bytes},
                      {"segments", count}, {"latched", latched}},
               each * static_cast<double>(count));
}

std::map<std::string, MeasuredFigure> figures_by_key(const GpuRun& run) {
  std::map<std::string, MeasuredFigure> found;
  for (const MeasuredFigure& f : figures_of(run)) found[f.key] = f;
  return found;
}

}  // namespace

TEST_CASE("the cost of a segment is that of copies as an engine submits them: behind a latch only large ones count") {
  GpuRun run = run_of({segments("dma", "h2d", 8 << 10, 1024, 3400), segments("dma", "h2d", 64 << 10, 1024, 3400),
                       segments("dma", "h2d", 2 << 20, 64, 3400, true)});
  run.points.push_back(segments("dma", "h2d", 8 << 10, 64, 500, true));
  const auto found = figures_by_key(run);
  CHECK(found.at("to_device_segment_s").value == Approx(3.4e-6).epsilon(1e-6));
  CHECK(found.at("to_device_bytes_per_s").value == Approx(52e9).epsilon(1e-6));
  CHECK_FALSE(found.at("to_device_segment_s").doubtful);
}

TEST_CASE("times that are no line make a figure doubtful, and far ones none at all") {
  const auto bent_by = [](double factor) {
    GpuRun run = run_of({segments("dma", "d2h", 8 << 10, 1024, 3400), segments("dma", "d2h", 64 << 10, 1024, 3400),
                         segments("dma", "d2h", 2 << 20, 64, 3400)});
    for (double& ns : run.points[1].samples_ns) ns *= factor;
    return run;
  };
  CHECK(figures_by_key(bent_by(1.5)).at("from_device_segment_s").doubtful);
  CHECK(says(refusal([&] { figures_of(bent_by(4)); }), "off the line"));
}

TEST_CASE("both directions at once give the total, less what their segments cost") {
  GpuRun run = run_of({segments("dma", "h2d", 8 << 10, 1024, 3400), segments("dma", "h2d", 64 << 10, 1024, 3400),
                       segments("dma", "h2d", 2 << 20, 64, 3400)});
  const std::int64_t bytes = std::int64_t{64} * (2 << 20);
  RunPoint both = point("X3", {{"pattern", std::string("h2d + d2h")}, {"method", std::string("dma")},
                               {"segment_bytes", std::int64_t{2 << 20}}},
                        32 * 3400 + static_cast<double>(bytes) / 83.4);
  both.bytes = bytes;
  run.points.push_back(both);
  CHECK(figures_by_key(run).at("duplex_bytes_per_s").value == Approx(83.4e9).epsilon(1e-6));
}

TEST_CASE("batched copies and copies by kernel become surfaces, whose largest sizes serve every count") {
  GpuRun run = run_of({segments("batch", "h2d", 8 << 10, 64, 400), segments("batch", "h2d", 64 << 10, 64, 400),
                       segments("batch", "h2d", 2 << 20, 64, 400), segments("batch", "h2d", 8 << 10, 1024, 900),
                       segments("batch_any", "h2d", 8 << 10, 4096, 1), segments("kernel_12", "d2h", 8 << 10, 64, 10)});
  const auto surfaces = surfaces_of(run);
  REQUIRE(surfaces.size() == 1);  // one size by kernel is no surface
  CHECK(surfaces[0].method == "batch");
  CHECK(surfaces[0].to_device);
  REQUIRE(surfaces[0].points.size() == 6);
  CopySurface s;
  s.points = surfaces[0].points;
  CHECK(s.copy_s(8 << 10, 1024) == Approx(1024 * (900 + 8192 / 52.0) * 1e-9));
  CHECK(s.copy_s(2 << 20, 1024) == Approx(16 * s.copy_s(2 << 20, 64)));
}

TEST_CASE("what a run found out about its machine is told, or forbids its use") {
  const std::vector<RunPoint> points = {decode_point(1, 2048), decode_point(1, 8192), decode_point(16, 2048),
                                        decode_point(16, 8192)};
  GpuRun run = run_of(points);
  run.findings = {{"drift", false, "an anchor changed"}};
  const OperatorTables t = read(run);
  REQUIRE(t.warnings.size() == 2);
  CHECK(says(t.warnings[0], "drift: an anchor changed"));
  CHECK(says(t.warnings[1], "ended early"));
  CHECK(calibrated(t).warnings.front() == t.warnings.front());
  for (const char* code : {"mig", "context_lost"}) {
    run.findings = {{code, false, "so it was"}};
    CHECK(says(refusal([&] { read(run); }), code));
  }
  run = run_of(points);
  run.points[0].status = PointStatus::suspect, run.points[0].reason = "busy";
  const ScratchTable file(to_json_text(run), "run.json");
  CHECK(read_operator_tables({file.path()}).sets[0].rows.size() == 3);
  const OperatorTables accepted = read_operator_tables({file.path()}, {false, true});
  CHECK(accepted.sets[0].rows.size() == 4);
  CHECK(says(accepted.warnings.back(), "1 suspect points"));
}

TEST_CASE("a run that contradicts itself, or says what no operator is of, is refused") {
  CHECK(says(refusal([] { read(run_of({decode_point(1, 2048), decode_point(1, 2048, 1.3)})); }), "has times of"));
  CHECK(read(run_of({decode_point(1, 2048), decode_point(1, 2048, 1.2)})).sets[0].rows.size() == 1);
  CHECK(says(refusal([] { read(run_of({decode_point(0, 2048)})); }), "does not tell all its sizes"));
  const RunPoint int8 = point("X7", {{"dtype", std::string("int8")}, {"m", std::int64_t{1}}, {"n", std::int64_t{4096}},
                                     {"k", std::int64_t{4096}}}, 9000);
  CHECK(says(refusal([&] { read(run_of({int8})); }), "int8"));
  GpuRun other = run_of({decode_point(4, 2048)});
  other.gpu["uuid"] = std::string("GPU-2");
  const ScratchTable first(to_json_text(run_of({decode_point(1, 2048)})), "first.json"),
      second(to_json_text(other), "second.json");
  CHECK(says(refusal([&] { read_operator_tables({first.path(), second.path()}); }), "another card"));
}

TEST_CASE("a run tells its GPU: another board or another memory than the hardware's is refused, its processors count") {
  const std::vector<RunPoint> points = {decode_point(1, 2048), decode_point(1, 8192), decode_point(16, 2048),
                                        decode_point(16, 8192)};
  const auto with_gpu = [&](const char* name, std::int64_t memory_bytes) {
    GpuRun run = run_of(points);
    run.gpu = {{"name", std::string(name)}, {"memory_bytes", memory_bytes}, {"multiprocessors", std::int64_t{114}}};
    return read(run);
  };
  const std::int64_t as_told = 85'520'809'984;
  CHECK(says(refusal([&] { calibrated(with_gpu("NVIDIA H100 PCIe", as_told)); }), "H100 PCIe was measured"));
  CHECK(says(refusal([&] { calibrated(with_gpu("NVIDIA H100 NVL", 100'000'000'000)); }), "H100 NVL was measured"));
  CHECK(says(refusal([&] { calibrated(with_gpu("NVIDIA H100", 100'000'000'000)); }), "100 GB"));
  CHECK(says(refusal([&] { calibrated(with_gpu("NVIDIA H200", as_told)); }), "h200"));
  const Calibration c = calibrated(with_gpu("NVIDIA H100 80GB HBM3", as_told));
  CHECK(c.fits[0].peaks.sms == 114);
  NvbandwidthRun links;
  links.gpus = {"0: NVIDIA H100 PCIe (00000000:18:00)"};
  CHECK(says(refusal([&] { check_gpu(links, "nv.json", load_hardware("x86-h100-sxm")); }), "the hardware has H100 SXM5"));
  check_gpu(links, "nv.json", load_hardware("x86-h100-pcie"));
}

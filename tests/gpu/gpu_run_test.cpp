// kvplan.gpu-run/1: what is written is what is read, and what a calibration gets
// from it is the law behind it.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json_schema.hpp"
#include "base/error.hpp"
#include "tests/catch.hpp"
#include "tests/own_path.hpp"
#include "tests/gpu/synthetic_run.hpp"
#include "validate/gpu_run/judge.hpp"
#include "validate/gpu_run/nvbandwidth.hpp"
#include "validate/gpu_run/plan.hpp"
#include "validate/gpu_run/read.hpp"
#include "validate/gpu_run/tables.hpp"
#include "validate/gpu_run/targets.hpp"

using namespace kvplan;

namespace {

nlohmann::json schema() {
  std::ifstream file(std::string(KVPLAN_SOURCE_DIR) + "/validate/gpu_run/gpu_run.schema.json");
  return nlohmann::json::parse(file);
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

bool contains(const std::string& whole_text, const std::string& part) {
  return whole_text.find(part) != std::string::npos;
}

std::string error_of(const std::string& text) {
  try {
    parse_gpu_run(text, "run.json");
    return "";
  } catch (const InputError& e) {
    return e.what();
  }
}

std::string codes(const DeviceFacts& facts) {
  std::string out;
  for (const RunFinding& f : judge(facts)) out += f.code + (f.refuses ? "! " : " ");
  return out;
}

DeviceFacts good_machine() {
  DeviceFacts f;
  f.name = "NVIDIA H100 80GB HBM3";
  f.hbm_bytes = f.hbm_free_bytes = std::int64_t{79} << 30;
  f.host_bytes = f.host_available_bytes = std::int64_t{120} << 30;
  return f;
}

}  // namespace

TEST_CASE("a run survives writing and reading, and keeps to its schema") {
  const GpuRun run = synthetic_run();
  const std::string text = to_json_text(run);
  for (const std::string& problem : schema_problems(schema(), nlohmann::json::parse(text))) FAIL_CHECK(problem);
  CHECK(to_json_text(parse_gpu_run(text, "run.json")) == text);
}

TEST_CASE("a run on disk is whole or absent") {
  const auto path = kvplan::testing::own_path("kvplan-gpu-run-test.json");
  write_gpu_run(synthetic_run(), path.string());
  CHECK(read_gpu_run(path.string()).points.size() == synthetic_run().points.size());
  CHECK_FALSE(std::filesystem::exists(path.string() + ".part"));
  std::filesystem::remove(path);
  CHECK_THROWS_AS(write_gpu_run(synthetic_run(), "/nowhere/run.json"), std::runtime_error);
}

TEST_CASE("a run that was edited, cut or made by something else is refused where it is wrong") {
  const std::string text = to_json_text(synthetic_run());
  CHECK(contains(error_of(replaced(text, "kvplan.gpu-run/1", "kvplan.gpu-run/9")), "kvplan.gpu-run/1"));
  const std::string median = nlohmann::json::parse(text)["points"][3]["median_ns"].dump();
  CHECK(contains(error_of(replaced(text, "\"median_ns\": " + median, "\"median_ns\": 1.0")), "median of samples_ns"));
  CHECK(contains(error_of(replaced(text, "\"status\": \"suspect\"", "\"status\": \"waived\"")), "has none"));
  CHECK(contains(error_of(replaced(text, "\"status\": \"suspect\"", "\"status\": \"doubted\"")), "suspect"));
  CHECK(contains(error_of(replaced(text, "\"SM clock fell by 20 %\"", "null")), "says why"));
  CHECK(contains(error_of(replaced(text, "\"verify\": \"ok\"", "\"verify\": \"wrong\"")), "whose bytes are wrong"));
  CHECK(contains(error_of("{}"), "schema"));
}

TEST_CASE("of fewer than six samples a run tells the range, and no interval of 95 %") {
  GpuRun run = synthetic_run();
  run.points.resize(1);
  const auto key_told = [&](std::size_t samples) {
    run.points[0].samples_ns.assign(samples, 1000);
    const std::string text = to_json_text(run);
    for (const std::string& problem : schema_problems(schema(), nlohmann::json::parse(text))) FAIL_CHECK(problem);
    return contains(text, "\"ci95_ns\"") ? "ci95_ns" : contains(text, "\"range_ns\"") ? "range_ns" : "neither";
  };
  CHECK(key_told(6) == std::string("ci95_ns"));
  CHECK(key_told(5) == std::string("range_ns"));
}

TEST_CASE("a time that contains its submission is not set beside one that does not, and segments are counted") {
  GpuRun run = synthetic_run();
  for (RunPoint& p : run.points) {
    if (p.experiment == "X5") p.params["latched"] = text(p.params, "aggressor") == "none";
    if (p.experiment == "X2" && p.measured()) p.params["segments"] = std::int64_t{-64};
  }
  const GpuTables t = tables_of(run);
  CHECK(t.slowdowns.empty());
  CHECK(t.transfers.empty());
  const auto told = [&](const char* reason) {
    return std::any_of(t.left_out.begin(), t.left_out.end(),
                       [&](const LeftOut& l) { return contains(l.reason, reason); });
  };
  CHECK(told("contains its submission"));
  CHECK(told("not both told"));
}

TEST_CASE("the tables of a run are the law behind it") {
  const DeviceLaw law;
  const GpuTables t = tables_of(synthetic_run(law));
  CHECK(t.synthetic);
  REQUIRE(t.links.size() == 1);
  CHECK(t.links[0].fixed_s == Approx(law.copy_fixed_s).epsilon(1e-6));
  CHECK(t.links[0].bytes_per_s == Approx(law.copy_bytes_per_s).epsilon(1e-6));
  CHECK(t.links[0].largest_relative_error < 1e-6);
  REQUIRE(t.gemm.size() == 3);
  CHECK(t.gemm[2].latency.ms == Approx(1e3 * law.gemm_s(4096, 6144, 4096)));
  CHECK(t.gemm[2].latency.ci95_low_ms < t.gemm[2].latency.ms);
  CHECK(t.gemm[2].latency.ci95_high_ms > t.gemm[2].latency.ms);
  REQUIRE(t.slowdowns.size() == 1);
  CHECK(t.slowdowns[0].factor == Approx(law.decode_slowed_by_copies));
  REQUIRE(t.transfers.size() == 2);
  CHECK(t.transfers[1].segment_bytes == 2 << 20);
  CHECK(t.prefill.size() == 2);
  CHECK(t.small.size() == 1);
}

TEST_CASE("a run recorded from kvplan-gpu, on its emulated device, keeps to the schema and fills every table") {
  const std::string path = std::string(KVPLAN_SOURCE_DIR) + "/tests/gpu/emulated-run.json.gz";
  const GpuRun run = read_gpu_run(path);
  CHECK(run.complete);
  CHECK(run.synthetic);
  for (const std::string& problem : schema_problems(schema(), nlohmann::json::parse(to_json_text(run)))) {
    FAIL_CHECK(problem);
  }
  const GpuTables t = tables_of(run);
  CHECK(t.links.size() == 3);
  CHECK(t.gemm.size() == 40);
  CHECK(t.prefill.size() == 10);
  CHECK_FALSE((t.decode.empty() || t.small.empty() || t.transfers.empty() || t.slowdowns.empty()));
  // The device model moves 52 bytes a nanosecond over the link and takes 1.9 us a copy.
  for (const LinkRow& l : t.links) {
    if (l.memory != "pinned") continue;
    CHECK(l.bytes_per_s == Approx(52e9).epsilon(0.02));
    CHECK(l.fixed_s == Approx(1.9e-6).epsilon(0.2));
  }
}

TEST_CASE("doubtful and missing points are left out of the tables, and listed") {
  const GpuTables t = tables_of(synthetic_run());
  REQUIRE(t.decode.size() == 1);
  CHECK(t.decode[0].latency.ms == Approx(0.25));
  REQUIRE(t.left_out.size() == 2);
  CHECK(t.left_out[0].reason == "SM clock fell by 20 %");
  CHECK(t.left_out[1].status == "waived");
}

TEST_CASE("tables print with the columns of the published ones") {
  const GpuTables t = tables_of(synthetic_run());
  CHECK(gemm_csv(t).rfind("kernel_source,gemm_dtype,m,n,k,latency\ncublaslt,bfloat16,1,6144,4096,", 0) == 0);
  CHECK(context_attention_csv(t) ==
        "kernel_source,batch_size,isl,num_heads,num_key_value_heads,head_dim,kv_cache_dtype,window_size,latency\n"
        "kvplan_mma_128,1,512,32,8,128,bfloat16,0,0.1\n");
  CHECK(contains(generation_attention_csv(t), ",16,32,8,128,bfloat16,8192,0,0.25\n"));
}

TEST_CASE("the interval of 21 samples is their 6th to 16th, and covers the median as often as it says") {
  std::vector<double> samples;
  for (int i = 21; i >= 1; --i) samples.push_back(i);
  const SampleSummary s = sample_summary(samples);
  CHECK(s.median == 11);
  CHECK(s.ci95_low == 6);
  CHECK(s.ci95_high == 16);
  CHECK(sample_summary({3, 1, 2}).ci95_high == 3);
  std::uint64_t state = 1;
  int covered = 0;
  for (int trial = 0; trial < 4000; ++trial) {  // uniform draws have median 1/2
    std::vector<double> draws;
    for (int i = 0; i < 15; ++i) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      draws.push_back(static_cast<double>(state >> 11) * 0x1p-53);
    }
    const SampleSummary d = sample_summary(draws);
    covered += d.ci95_low <= 0.5 && 0.5 <= d.ci95_high;
  }
  CHECK(covered >= 0.95 * 4000);
  CHECK(covered <= 0.98 * 4000);
}

TEST_CASE("a fit of fixed cost and rate reproduces the published DMA curve of the H100") {
  // vLLM's chart of one copy a block, host to device, GB/s as read off it: 3.4 us and 51.8 GB/s within a few percent.
  const std::vector<double> gb_per_s{1.1, 2.3, 4.2, 7.5, 14.4, 22.7, 31.7, 39.5, 44.3, 47.7, 49.8, 50.7, 51.2};
  std::vector<double> bytes, seconds;
  for (std::size_t i = 0; i < gb_per_s.size(); ++i) {
    bytes.push_back(4096.0 * std::exp2(static_cast<double>(i)));
    seconds.push_back(bytes.back() / (gb_per_s[i] * 1e9));
  }
  const LineFit fit = fit_line(bytes, seconds);
  CHECK(fit.fixed == Approx(3.4e-6).epsilon(0.05));
  CHECK(1 / fit.per_unit == Approx(51.8e9).epsilon(0.03));
  CHECK(fit.largest_relative_error < 0.12);
}

TEST_CASE("what is wrong with a machine is told apart") {
  CHECK(codes(good_machine()).empty());
  DeviceFacts f = good_machine();
  f.driver = 12040;
  CHECK(codes(f) == "old_driver! ");
  f.runtime = 12080;  // minor versions go together
  CHECK(codes(f).empty());
  f = good_machine();
  f.hbm_free_bytes = 6ll << 30;
  f.host_available_bytes = 2ll << 30;
  CHECK(codes(f) == "little_hbm! little_host_memory ");
  f = good_machine();
  f.hbm_free_bytes = 20ll << 30;
  f.mig = true;
  f.busy_percent = 60;
  f.throttle = "sw thermal slowdown";
  CHECK(codes(f) == "mig busy throttled some_hbm ");
  f = good_machine();
  f.name = "NVIDIA GeForce RTX 2080";
  f.compute_major = 7;
  f.compute_minor = 5;
  f.nvml = f.cublaslt = false;
  CHECK(codes(f) == "old_gpu! unknown_card no_nvml no_cublaslt ");
}

TEST_CASE("the experiments fit into 75 seconds and five minutes") {
  double full = kFullSetUpSeconds, quick = kQuickSetUpSeconds;
  for (const PlannedExperiment& e : kExperiments) {
    full += e.full_s;
    quick += e.quick_s;
  }
  CHECK(full < 300);
  CHECK(quick < 75);
}

TEST_CASE("what a run reaches is set against what it should, and doubtful points do not count") {
  GpuRun run = synthetic_run();
  for (RunPoint& p : run.points) {
    if (p.experiment == "X9") p.bytes = 16ll * 8192 * 4096;  // 2.15 TB/s in 0.25 ms; the doubtful point has 0.9 ms
  }
  run.points.push_back(
      synthetic_point("X1", {{"dir", std::string("d2d")}, {"memory", std::string("device")}}, 1e-3, 1'400'000'000));
  run.points.push_back(  // out of the L2 cache
      synthetic_point("X1", {{"dir", std::string("d2d")}, {"memory", std::string("device")}}, 1e-6, 16 << 20));
  const auto targets = targets_of(run);
  const DeviceLaw law;
  const double segments = (2 << 20) / law.copy_s(2 << 20), large = (256 << 20) / law.copy_s(256 << 20);
  CHECK(targets[0].reached == Approx(segments / large).epsilon(1e-6));  // 92 %: a copy each costs too much
  CHECK_FALSE(targets[0].met());
  CHECK_FALSE(targets[1].measured);
  CHECK(targets[2].reached == Approx(16.0 * 8192 * 4096 / 0.25e-3 / 2.8e12).epsilon(1e-6));
  CHECK_FALSE(targets[2].met());
  CHECK(contains(to_text(targets), "MISSED"));
}

TEST_CASE("nvbandwidth's matrices become rates") {
  const std::string text = R"json({"nvbandwidth": {"version": "v0.8", "Driver Version": "580.1",
    "GPU Device list": ["0: NVIDIA H100 80GB HBM3 (00000000:18:00)"], "testcases": [
    {"name": "host_to_device_memcpy_ce", "status": "Passed", "bandwidth_matrix": [["55.36"]], "sum": "55.36"},
    {"name": "device_to_host_bidirectional_memcpy_sm", "status": "Passed", "bandwidth_matrix": [["40.0", "N/A"]]},
    {"name": "host_device_latency_sm", "status": "Passed", "bandwidth_matrix": [["772.58"]]},
    {"name": "device_to_device_memcpy_read_ce", "status": "Waived"}]}})json";
  const NvbandwidthRun run = parse_nvbandwidth(text, "nv.json");
  REQUIRE(run.rows.size() == 3);
  CHECK(run.rows[0].direction == "h2d");
  CHECK(run.rows[0].bytes_per_s == Approx(55.36e9));
  CHECK(run.rows[1].direction == "d2h");
  CHECK(run.rows[1].method == "sm");
  CHECK(run.rows[1].bidirectional);
  CHECK(run.rows[2].direction.empty());
  CHECK(run.left_out == std::vector<std::string>{"device_to_device_memcpy_read_ce: Waived"});
  CHECK_THROWS_AS(parse_nvbandwidth("{\"points\": []}", "nv.json"), InputError);
  CHECK_THROWS_AS(parse_nvbandwidth(replaced(text, "\"40.0\"", "\"fast\""), "nv.json"), InputError);
}

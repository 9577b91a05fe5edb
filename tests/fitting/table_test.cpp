// Bad tables end in an error that names the place, or in a warning that names the cause.
#include "hardware/hardware.hpp"
#include "models/fitting/calibrate.hpp"
#include "models/fitting/gpu_run_checks.hpp"
#include "tests/catch.hpp"
#include "tests/fitting/tables.hpp"

using namespace kvplan;

namespace {

std::string reading(const std::string& text, const std::string& name = "table.csv") {
  const ScratchTable file(text, name);
  return refusal([&] { read_operator_tables({file.path()}); });
}

}  // namespace

TEST_CASE("a missing or misspelt column is named, with what was meant") {
  const std::string error = reading("gemm_dtype,m,nn,k,latency\nbfloat16,1,2,3,4\n");
  CHECK(says(error, ":1:"));
  CHECK(says(error, "no column \"n\", which a table of gemm needs"));
  CHECK(says(reading("gemm_dtyp,m,n,k,latency\n"), "is \"gemm_dtyp\" meant?"));
  CHECK(says(reading("a,b,latency\n1,2,3\n"), "no operator table"));
}

TEST_CASE("times without a unit, in two units, or that are no numbers are refused where they stand") {
  CHECK(says(reading("gemm_dtype,m,n,k\nbfloat16,1,2,3\n"), "no column of times"));
  CHECK(says(reading("gemm_dtype,m,n,k,latency_ms,latency_us\nbfloat16,1,2,3,4,5\n"), "several units: latency_ms, latency_us"));
  const std::string error = reading(fmt::format("{}bfloat16,1,2,3,nan\nbfloat16,1,2,x,5\nbfloat16,1,2,3\n", kGemmHeader));
  CHECK(says(error, ":2:16: error: latency is \"nan\""));
  CHECK(says(error, ":3:14: error: k is \"x\""));
  CHECK(says(error, ":4:1: error: 4 cells, the header has 5"));
}

TEST_CASE("units are read from the column's name") {
  const ScratchTable ms("gemm_dtype,m,n,k,latency_ms\nbfloat16,1,2048,2048,0.5\n");
  const ScratchTable us("gemm_dtype,m,n,k,latency_us\nbfloat16,1,2048,2048,500\n", "us.csv");
  CHECK(read_operator_tables({ms.path()}).sets.at(0).rows.at(0).ns == Approx(500000));
  CHECK(read_operator_tables({us.path()}).sets.at(0).rows.at(0).ns == Approx(500000));
}

TEST_CASE("times of two devices are never mixed, and must be those of the hardware") {
  const std::string two = "system,gemm_dtype,m,n,k,latency\nh100_sxm,bfloat16,1,2048,2048,1\nh200_sxm,bfloat16,1,2048,4096,1\n";
  CHECK(says(reading(two), ":3:"));
  CHECK(says(reading(two), "times of h200 beside times of h100"));
  OperatorTables tables;
  tables.device = "h200";
  CHECK(says(refusal([&] { calibrate(tables, load_hardware("x86-h100-sxm"), {}); }), "times of h200, but x86-h100-sxm has H100 SXM5 80 GB"));
}

TEST_CASE("a GPU that nobody has described yet, and a node of one's own, are told by the name of the GPU") {
  Hardware own = load_hardware("x86-h100-sxm");
  own.name = "my-node";
  CHECK_NOTHROW(check_gpu_kind(gpu_kind("NVIDIA H100 80GB HBM3"), "run.json", own));
  CHECK(says(refusal([&] { check_gpu_kind(gpu_kind("NVIDIA H20"), "run.json", own); }), "run.json: error: these are times of h20"));
  own.gpu.name = "H20 96 GB";
  CHECK_NOTHROW(check_gpu_kind(gpu_kind("NVIDIA H20"), "run.json", own));
}

TEST_CASE("faster than the data sheet allows is a wrong unit, told by row") {
  std::string table = law_table(0);
  table.replace(table.find("latency"), 7, "latency_us");  // the numbers are milliseconds
  const std::string error = refusal([&] { fitted(table, 20); });
  CHECK(says(error, "which the data sheet's peaks do in"));
  CHECK(says(error, "unit"));
}

TEST_CASE("rows that repeat a shape warn when they agree and are refused when they contradict each other") {
  const std::string row = "bfloat16,1,1024,1024,";
  const std::string table = law_table(0), same = fmt::format("{}{:.9g}\n", row, law_ns(1, 1024, 1024) * 1.01e-6);
  const FitResult r = fitted(table + same, 20);
  REQUIRE(!r.warnings.empty());
  CHECK(says(r.warnings.front(), "1 rows repeat a shape"));
  const std::string error = refusal([&] { fitted(table + row + "1\n", 20); });
  CHECK(says(error, "m 1, n 1024, k 1024 takes 1000.0 us here and"));
  CHECK(says(error, "in line 2"));
}

TEST_CASE("too few shapes to hold any out are refused: coefficients that no row determines are named") {
  std::string few = kGemmHeader, decode_sizes = kGemmHeader;
  for (double m = 1; m <= 4096; m *= 2) few += fmt::format("bfloat16,{},4096,4096,{:.9g}\n", m, law_ns(m, 4096, 4096) * 1e-6);
  CHECK(says(refusal([&] { fitted(few, 20); }), "1 different shapes"));
  for (const double n : {1024, 2048, 4096, 8192}) {
    for (const double k : {1024, 2048, 4096, 8192}) {
      for (const double m : {1, 2, 4, 8, 16}) decode_sizes += fmt::format("bfloat16,{},{},{},{:.9g}\n", m, n, k, law_ns(m, n, k) * 1e-6);
    }
  }
  const FitResult r = fitted(decode_sizes, 20);
  REQUIRE(!r.warnings.empty());
  CHECK(says(r.warnings.front(), "no row determines"));
  CHECK(r.fit.high[0] == 16);
}

#include "models/memory.hpp"

#include "base/error.hpp"
#include "tests/catch.hpp"

namespace kvplan {
namespace {

TEST_CASE("memory left for KV is what utilization, weights and runtime leave") {
  const Architecture a = load_architecture("llama-3.1-8b");
  const Gpu g = load_hardware("x86-h100-sxm").gpu;
  const std::int64_t runtime = std::int64_t{3} << 30;
  CHECK(kv_memory_per_gpu(a, g, 1, Dtype::bf16).count == 72'000'000'000 - 2 * 8'030'261'248 - runtime);
  CHECK(kv_memory_per_gpu(a, g, 2, Dtype::bf16, 0.8).count == 64'000'000'000 - 8'030'261'248 - runtime);
}

TEST_CASE("published: Llama 3 70B in BF16 runs out of memory on 96 GB, and the error names the bytes") {
  const Architecture a = load_architecture("llama-3-70b");
  const Gpu g = load_hardware("gh200-96").gpu;
  std::string told;
  try {
    kv_memory_per_gpu(a, g, 1, Dtype::bf16);
  } catch (const InfeasibleError& e) {
    told = e.what();
  }
  CAPTURE(told);
  CHECK(told.find("141.1 GB (141107412992 bytes)") != std::string::npos);
  CHECK(told.find("86.4 GB (86400000000 bytes)") != std::string::npos);
  CHECK(told.find("tp 2 (70.6 GB of weights a GPU)") != std::string::npos);
  CHECK(told.find("fp8 weights (72.7 GB)") != std::string::npos);
  CHECK(kv_memory_per_gpu(a, g, 1, Dtype::fp8).count > 0);
  CHECK(kv_memory_per_gpu(a, g, 2, Dtype::bf16).count > 0);
}

}  // namespace
}  // namespace kvplan

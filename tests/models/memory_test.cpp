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

TEST_CASE("windows: a hybrid cache keeps the last window of each sequence, where that holds more tokens") {
  const Architecture oss = load_architecture("gpt-oss-20b"), scout = load_architecture("llama-4-scout");
  const Bytes memory(std::int64_t{40} << 30);
  // 24 layers, 12 of them with a window of 128: half of a token's bytes stay, 256 sequences x 128 x half are set aside.
  const KvShare s = kv_share(oss, Dtype::bf16, 1, memory, 256);
  const std::int64_t token = oss.kv_bytes_per_token(Dtype::bf16).count;
  CHECK(s.per_token.count == token / 2);
  CHECK(s.set_aside.count == 256 * 128 * token / 2);
  CHECK(s.paged.count + s.set_aside.count == memory.count);
  // 36 of 48 layers with 8,192 tokens: 256 sequences would take more than there is, 8 of them do not.
  CHECK(kv_share(scout, Dtype::bf16, 8, memory, 256).set_aside.count == 0);
  const KvShare few = kv_share(scout, Dtype::bf16, 8, Bytes(std::int64_t{400} << 30), 8);
  CHECK(few.per_token.count == scout.kv_bytes_per_token_beyond_window(Dtype::bf16).count);
  // Never fewer tokens than with every layer keeping every token; a model without windows is left alone.
  for (const std::int64_t sequences : {1, 64, 1024}) {
    const KvShare any = kv_share(oss, Dtype::bf16, 2, memory, sequences);
    CHECK(any.paged.count / any.per_token_per_gpu.count >=
          memory.count / oss.kv_bytes_per_token_per_gpu(Dtype::bf16, 2).count);
  }
  CHECK(kv_share(load_architecture("llama-3.1-8b"), Dtype::bf16, 1, memory, 256).paged.count == memory.count);
}

}  // namespace
}  // namespace kvplan

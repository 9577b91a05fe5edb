#include "models/memory.hpp"

#include "base/error.hpp"
#include "tests/catch.hpp"

namespace kvplan {
namespace {

TEST_CASE("memory left for KV is what utilization, weights and runtime leave") {
  const Architecture a = load_architecture("llama-3.1-8b");
  const Hardware g = load_hardware("x86-h100-sxm");
  const std::int64_t runtime = std::int64_t{3} << 30;
  CHECK(kv_memory_per_gpu(a, g, 1, Dtype::bf16).count == 76'500'000'000 - 2 * 8'030'261'248 - runtime);
  CHECK(kv_memory_per_gpu(a, g, 2, Dtype::bf16, 0.8).count == 68'000'000'000 - 8'030'261'248 - runtime);
}

std::string refusal(const Architecture& a, const Hardware& h, std::int32_t tp) {
  try {
    kv_memory_per_gpu(a, h, tp, Dtype::bf16);
  } catch (const InfeasibleError& e) {
    return e.what();
  }
  return "";
}

TEST_CASE("published: Llama 3 70B in BF16 runs out of memory on 96 GB, and the error names the bytes") {
  const Architecture a = load_architecture("llama-3-70b");
  const Hardware h = load_hardware("gh200-96");
  const std::string told = refusal(a, h, 1);
  CAPTURE(told);
  CHECK(told.find("141.1 GB (141107412992 bytes)") != std::string::npos);
  CHECK(told.find("91.3 GB (91350000000 bytes)") != std::string::npos);
  CHECK(told.find("fp8 weights (72.7 GB)") != std::string::npos);
  CHECK(kv_memory_per_gpu(a, h, 1, Dtype::fp8).count > 0);
  CHECK(kv_memory_per_gpu(a, h, 2, Dtype::bf16).count > 0);
}

TEST_CASE("a wider replica is a way out where a node has GPUs for it, and only there") {
  const Architecture a = load_architecture("llama-3-70b");
  const std::string told = refusal(a, load_hardware("x86-h100-sxm"), 1);
  CAPTURE(told);
  CHECK(told.find("help: tp 2 (70.6 GB of weights a GPU)") != std::string::npos);
  for (const auto& [hardware, tp, model] : {std::tuple{"gh200-96", 1, "llama-3-70b"}, {"x86-h100-sxm", 8, "llama-3.1-405b"}}) {
    const std::string alone = refusal(load_architecture(model), load_hardware(hardware), tp);
    CAPTURE(alone);
    CHECK(alone.find("a GPU with more memory, a node with more GPUs, or a smaller model") != std::string::npos);
    CHECK(alone.find(" tp ") == std::string::npos);
  }
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

TEST_CASE("a layer has K and V of a page apart, or one latent, where it keeps them at all") {
  const Bytes memory(std::int64_t{40} << 30);
  const Architecture oss = load_architecture("gpt-oss-20b"), latent = load_architecture("deepseek-v3"),
                     plain = load_architecture("llama-3.1-8b");
  const auto of = [&](const Architecture& a, std::int32_t tp) {
    return page_of_layer(a, kv_share(a, Dtype::bf16, tp, memory, 256), 16).count;
  };
  CHECK(of(plain, 1) == 16 * 8 * 128 * 2);
  CHECK(of(oss, 1) == 16 * 8 * 64 * 2);  // of the twelve layers without a window
  CHECK(of(latent, 8) == 16 * (512 + 64) * 2);
}

TEST_CASE("a replica stores what its GPUs have together: a latent once for each, heads once") {
  const Bytes memory(std::int64_t{40} << 30);
  const Architecture latent = load_architecture("deepseek-v3"), heads = load_architecture("llama-3.1-8b");
  for (const std::int32_t tp : {1, 2, 8}) {
    const KvShare of_latent = kv_share(latent, Dtype::bf16, tp, memory, 64), of_heads = kv_share(heads, Dtype::bf16, tp, memory, 64);
    CHECK(of_latent.per_token == tp * latent.kv_bytes_per_token(Dtype::bf16));
    CHECK(of_latent.per_token == tp * of_latent.per_token_per_gpu);
    CHECK(of_heads.per_token == heads.kv_bytes_per_token(Dtype::bf16));
  }
}

}  // namespace
}  // namespace kvplan

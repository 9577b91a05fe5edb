#include "models/architecture.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "tests/catch.hpp"
#include "tests/own_path.hpp"

namespace kvplan {
namespace {

struct Published {
  const char* name;
  std::int64_t parameters;  // as the model hub counts them
  double active_billions;   // as the authors say; 0: a dense model
  std::int64_t kv_bytes_per_token;
};

TEST_CASE("parameters and KV bytes equal the published ones") {
  const Published rows[] = {{"llama-2-7b", 6'738'415'616, 0, 524'288},
                            {"llama-2-13b", 13'015'864'320, 0, 819'200},
                            {"llama-2-70b", 68'976'648'192, 0, 327'680},
                            {"llama-3.1-8b", 8'030'261'248, 0, 131'072},
                            {"llama-3.1-70b", 70'553'706'496, 0, 327'680},
                            {"llama-3.1-405b", 405'853'388'800, 0, 516'096},
                            {"llama-3.2-1b", 1'235'814'400, 0, 32'768},
                            {"llama-3.2-3b", 3'212'749'824, 0, 114'688},
                            {"llama-4-scout", 108'641'793'536, 17, 196'608},
                            {"llama-4-maverick", 401'583'781'376, 17, 196'608},
                            {"qwen2.5-0.5b", 494'032'768, 0, 12'288},
                            {"qwen2.5-7b", 7'615'616'512, 0, 57'344},
                            {"qwen2.5-14b", 14'770'033'664, 0, 196'608},
                            {"qwen2.5-32b", 32'763'876'352, 0, 262'144},
                            {"qwen2.5-72b", 72'706'203'648, 0, 327'680},
                            {"qwen3-0.6b", 596'049'920, 0, 114'688},
                            {"qwen3-4b", 4'022'468'096, 0, 147'456},
                            {"qwen3-8b", 8'190'735'360, 0, 147'456},
                            {"qwen3-14b", 14'768'307'200, 0, 163'840},
                            {"qwen3-32b", 32'762'123'264, 0, 262'144},
                            {"qwen3-30b-a3b", 30'532'122'624, 3.3, 98'304},
                            {"qwen3-235b-a22b", 235'093'634'560, 22, 192'512},
                            {"mistral-7b-v0.1", 7'241'732'096, 0, 131'072},
                            {"mistral-7b-v0.3", 7'248'023'552, 0, 131'072},
                            {"mistral-nemo-12b", 12'247'782'400, 0, 163'840},
                            {"mistral-small-24b", 23'572'403'200, 0, 163'840},
                            {"mixtral-8x7b", 46'702'792'704, 12.9, 131'072},
                            {"mixtral-8x22b", 140'630'071'296, 39, 229'376},
                            {"deepseek-v3", 671'026'419'200, 37, 70'272},
                            {"opt-6.7b", 6'658'473'984, 0, 524'288},
                            {"opt-13b", 12'853'473'280, 0, 819'200},
                            {"opt-30b", 29'974'540'288, 0, 1'376'256}};
  for (const Published& row : rows) {
    CAPTURE(row.name);
    const Architecture a = load_architecture(row.name);
    CHECK(a.name == row.name);
    CHECK(a.parameters() == row.parameters);
    CHECK(a.kv_bytes_per_token(Dtype::bf16).count == row.kv_bytes_per_token);
    CHECK(a.kv_bytes_per_token(Dtype::fp8).count == row.kv_bytes_per_token / 2);
    if (row.active_billions > 0) {
      CHECK(static_cast<double>(a.active_parameters()) / 1e9 == Approx(row.active_billions).epsilon(0.025));
    } else {
      CHECK(a.active_parameters() == a.parameters());
    }
    CHECK(!a.source.empty());
    CHECK(!a.date.empty());
  }
}

TEST_CASE("gpt-oss: parameters, active parameters and checkpoint size of the model card") {
  // The card counts 116.83 and 20.91 G, 5.13 and 3.61 G active (without the embedding), 60.8 and 12.8 GiB.
  struct Row {
    const char* name;
    double total, active, checkpoint_gib;
  };
  for (const Row& row : {Row{"gpt-oss-120b", 116.83, 5.13, 60.8}, Row{"gpt-oss-20b", 20.91, 3.61, 12.8}}) {
    CAPTURE(row.name);
    const Architecture a = load_architecture(row.name);
    CHECK(static_cast<double>(a.parameters()) / 1e9 == Approx(row.total).margin(0.006));
    const std::int64_t embedding = std::int64_t{a.vocab} * a.hidden;
    CHECK(static_cast<double>(a.active_parameters() - embedding) / 1e9 == Approx(row.active).margin(0.006));
    const double gib = static_cast<double>(a.weight_bytes(Dtype::fp4).count) / (std::int64_t{1} << 30);
    CHECK(gib == Approx(row.checkpoint_gib).margin(0.06));
  }
}

TEST_CASE("published: matrices that every token multiplies") {
  const std::pair<const char*, double> rows[] = {
      {"llama-3.1-8b", 6.979}, {"llama-3.1-70b", 68.451}, {"qwen3-32b", 31.206}};
  for (const auto& [name, billions] : rows) {
    CHECK(static_cast<double>(load_architecture(name).matmul_parameters()) / 1e9 == Approx(billions).margin(0.0006));
  }
}

TEST_CASE("published: windows keep the KV of long contexts small") {
  // Llama 4: 12 of 48 layers grow beyond 8,192 tokens; gpt-oss: half of the layers beyond 128.
  const Architecture scout = load_architecture("llama-4-scout"), oss = load_architecture("gpt-oss-120b");
  CHECK(scout.kv_bytes_per_token_beyond_window(Dtype::bf16).count == 49'152);
  CHECK(oss.kv_bytes_per_token(Dtype::bf16).count == 73'728);
  CHECK(oss.kv_bytes_per_token_beyond_window(Dtype::bf16).count == 36'864);
  CHECK(oss.kv_bytes(Dtype::bf16, Tokens(100)).count == 100 * 73'728);
  CHECK(oss.kv_bytes(Dtype::bf16, Tokens(10'000)).count == 128 * 73'728 + (10'000 - 128) * 36'864);
  // A chunk begins anew: what the one before it held is dropped.
  CHECK(scout.kv_bytes(Dtype::bf16, Tokens(8192)).count == 8192 * 196'608);
  CHECK(scout.kv_bytes(Dtype::bf16, Tokens(8193)).count == 8193 * 49'152 + (196'608 - 49'152));
}

TEST_CASE("windowed pairs are those counted one by one") {
  for (const bool chunked : {false, true}) {
    const Window w{7, 1, chunked};
    for (const std::int64_t cached : {0, 3, 7, 20}) {
      for (const std::int64_t tokens : {1, 5, 30}) {
        std::int64_t pairs = 0;
        for (std::int64_t i = cached; i < cached + tokens; ++i) {
          for (std::int64_t j = 0; j <= i; ++j) pairs += chunked ? i / 7 == j / 7 : i - j < 7;
        }
        CAPTURE(chunked, cached, tokens);
        CHECK(windowed_pairs(w, tokens, cached) == static_cast<double>(pairs));
      }
    }
  }
}

TEST_CASE("published memory: 141 GB of weights, 40 GiB of KV at 128k tokens") {
  const Architecture a = load_architecture("llama-3.1-70b");
  CHECK(a.weight_bytes(Dtype::bf16).count == 141'107'412'992);
  CHECK(a.kv_bytes_per_token(Dtype::bf16).count * 131'072 == std::int64_t{40} << 30);
  // fp8 checkpoints keep embeddings, lm_head and norms in bf16.
  CHECK(a.weight_bytes(Dtype::fp8).count == 68'451'041'280 + 2 * (70'553'706'496 - 68'451'041'280));
}

TEST_CASE("KV heads are split over GPUs and copied beyond") {
  const Architecture a = load_architecture("llama-3.1-70b");
  CHECK(a.kv_bytes_per_token_per_gpu(Dtype::bf16, 4).count == 327'680 / 4);
  CHECK(a.kv_bytes_per_token_per_gpu(Dtype::bf16, 8).count == 327'680 / 8);
  CHECK(a.kv_bytes_per_token_per_gpu(Dtype::bf16, 16).count == 327'680 / 8);
  // So are the matrices that make them: 8 more heads at TP16.
  const std::int64_t copied = 2 * std::int64_t{8} * 128 * 8192 * 80 * 2;
  CHECK(a.weight_bytes_per_gpu(Dtype::bf16, 8).count == 141'107'412'992 / 8);
  CHECK(a.weight_bytes_per_gpu(Dtype::bf16, 16).count == (141'107'412'992 + copied) / 16);
}

TEST_CASE("latent attention is on every GPU of a group") {
  const Architecture a = load_architecture("deepseek-r1");
  CHECK(a.name == "deepseek-v3");
  for (const std::int32_t tp : {1, 8}) CHECK(a.kv_bytes_per_token_per_gpu(Dtype::fp8, tp).count == 35'136);
  // Down-projections (7168 x 2112 in fp8) and routers (7168 x 256 in bf16) are on all eight.
  const std::int64_t copied = std::int64_t{7168} * (61 * 2112 + 58 * 256 * 2);
  CHECK(a.weight_bytes_per_gpu(Dtype::fp8, 8).count == ceil_div(a.weight_bytes(Dtype::fp8).count + 7 * copied, 8));
}

TEST_CASE("prefill FLOPs count each pair of a causal prompt once") {
  const Architecture a = load_architecture("llama-3.1-8b");
  const double whole = a.prefill_flops(1000, 0);
  CHECK(whole == Approx(2 * 6.979321856e9 * 1000 + 4.0 * 32 * 4096 * 500'500));
  CHECK(a.prefill_flops(400, 0) + a.prefill_flops(600, 400) == Approx(whole));
  CHECK(a.decode_flops(1000) == Approx(2 * (6.979321856e9 + 128'256 * 4096.0) + 4.0 * 32 * 4096 * 1000));
}

TEST_CASE("names, aliases, suggestions") {
  CHECK(load_architecture("llama-3-70b").name == "llama-3.1-70b");
  const auto names = architecture_names();
  CHECK(std::count(names.begin(), names.end(), "qwen3-32b") == 1);
  try {
    load_architecture("lama-3.1-8b");
    FAIL("loaded");
  } catch (const InputError& e) {
    CHECK(std::string(e.what()).find("did you mean \"llama-3.1-8b\"?") != std::string::npos);
  }
  CHECK(dtype_from_name("fp8") == Dtype::fp8);
  CHECK(name_of(Dtype::int4) == "int4");
  CHECK_THROWS_AS(dtype_from_name("fp9"), UsageError);
}

TEST_CASE("a model file of the user's own is read, and its errors come at once") {
  const auto path = kvplan::testing::own_path("kvplan_model_test.json");
  std::string text(embedded_file("models/zoo/llama-3.1-8b.json"));
  std::ofstream(path) << text;
  CHECK(load_architecture(path.string()).parameters() == 8'030'261'248);
  text.replace(text.find("\"kv_heads\": 8"), 13, "\"kv_heads\": 5");
  text.replace(text.find("\"layers\": 32"), 12, "\"layers\": -3");
  text.replace(text.find("\"vocab\""), 7, "\"vocabulary\"");
  std::ofstream(path) << text;
  try {
    load_architecture(path.string());
    FAIL("loaded");
  } catch (const InputError& e) {
    CHECK(e.findings().size() == 4);  // "vocab" missing, layers, kv_heads, "vocabulary" unknown
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace kvplan

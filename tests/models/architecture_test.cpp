#include "models/architecture.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "tests/catch.hpp"

namespace kvplan {
namespace {

struct Published {
  const char* name;
  std::int64_t parameters;
  double matmul_billions;
  std::int64_t kv_bytes_per_token;
};

TEST_CASE("parameters and KV bytes equal the published ones") {
  const Published rows[] = {{"llama-3.1-8b", 8'030'261'248, 6.979, 131'072},
                            {"llama-3.1-70b", 70'553'706'496, 68.451, 327'680},
                            {"qwen3-32b", 32'762'123'264, 31.206, 262'144},
                            {"opt-6.7b", 6'658'473'984, 6.442, 524'288}};
  for (const Published& row : rows) {
    CAPTURE(row.name);
    const Architecture a = load_architecture(row.name);
    CHECK(a.name == row.name);
    CHECK(a.parameters() == row.parameters);
    CHECK(static_cast<double>(a.matmul_parameters()) / 1e9 == Approx(row.matmul_billions).margin(0.0006));
    CHECK(a.kv_bytes_per_token(Dtype::bf16).count == row.kv_bytes_per_token);
    CHECK(a.kv_bytes_per_token(Dtype::fp8).count == row.kv_bytes_per_token / 2);
    CHECK(!a.source.empty());
    CHECK(!a.date.empty());
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
}

TEST_CASE("prefill FLOPs count each pair of a causal prompt once") {
  const Architecture a = load_architecture("llama-3.1-8b");
  const double whole = a.prefill_flops(1000, 0);
  CHECK(whole == Approx(2 * 6.979321856e9 * 1000 + 4.0 * 32 * 4096 * 500'500));
  CHECK(a.prefill_flops(400, 0) + a.prefill_flops(600, 400) == Approx(whole));
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
  const auto path = std::filesystem::temp_directory_path() / "kvplan_model_test.json";
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
